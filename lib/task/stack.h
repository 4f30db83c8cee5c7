/* task/stack.h: stacks. Each has its record at its high end, and a scheduler loop at its base; it is
 * kept for the next task, and its record stays readable for as long as the runtime lives. */
#ifndef WEFT_TASK_STACK_H
#define WEFT_TASK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "port/err.h"
#include "port/guard.h"
#include "task/forks.h"
#include "task/side.h"
#include "task/switch.h"
#include "task/task.h"

struct weft__worker;

typedef struct weft__stack {
    weft__forks forks; /* first: weft__here() is its address */
    weft__context context;
    struct weft__worker
        *worker;           /* who runs on it; written by who switches to it. NULL: a side thread */
    weft__context *native; /* with that: the side thread's own */
    struct weft__task *first;   /* to be run before anything else; then the stack is left */
    struct weft__stack *next;   /* in a list of free ones */
    struct weft__stack *all;    /* in the list of all */
    struct weft__task *onboard; /* with `job`: who waits */
    weft__job job;              /* while its task waits for a side thread */
    weft__list left;            /* among those that parked with shared children; idle's guard */
    struct weft__task guest;    /* as who a stolen child runs here */
    struct weft *rt;
    char *low;
    size_t size;
    unsigned valgrind;
    bool large, listed; /* of the large kind; was put into idle.left and has not run since */
    weft__detail detail;
} weft__stack;

/* Stacks of two sizes that are free at the moment. */
typedef struct weft__stacks {
    weft__guard guard;
    weft__stack *free[2]; /* usual, large */
    weft__stack *all;     /* of every one */
    uint32_t count[2];
    size_t size[2];
    struct weft *rt;
} weft__stacks;

/* `rt` is what the stacks serve: their loops begin in weft__serve. */
void weft__stacks_init(weft__stacks *s, struct weft *rt, size_t size, size_t large);
/* Give all back to the system; nobody runs on any. */
void weft__stacks_fini(weft__stacks *s);
/* One that waits at its base, to be switched to. WEFT_NOMEM. */
weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out);
/* Nobody runs on it any more. */
void weft__stacks_put(weft__stacks *s, weft__stack *stack);

static inline weft__stack *weft__stack_here(void)
{
    return (weft__stack *)(void *)weft__here();
}

#endif
