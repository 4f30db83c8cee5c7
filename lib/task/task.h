/* task/task.h: a task, and the places where tasks run. */
#ifndef WEFT_TASK_TASK_H
#define WEFT_TASK_TASK_H

#include "base/list.h"
#include "port/err.h"
#include "task/switch.h"
#include "task/timer.h"
#include "task/wait.h"
#include "weft/task.h"

typedef struct weft__scope weft__scope;

typedef enum weft__place_kind { WEFT__POOL, WEFT__LOOP, WEFT__THREADS } weft__place_kind;

struct weft_place {
    weft *rt;
    weft__place_kind kind;
};

/* What a worker can pick up: a task, or the right to run the tasks of the loop (place.c). */
typedef struct weft__runnable {
    weft__list node; /* in a run queue, or in the loop's list; under that one's guard */
    bool carrier;
} weft__runnable;

/* A task of the pool or the loop lies at the top of its own stack; one of the threads place is
 * allocated. Written by its creator until it is started, then by whoever runs it. */
typedef struct weft__task {
    weft__waiter waiter;
    weft__runnable run;
    weft__context context; /* where it is left; written by its last switch away */
    weft *rt;
    weft_place *place;
    weft__scope *scope;
    weft__list sibling; /* among the tasks of its scope; under the scope's guard */
    weft_fn fn;
    void *arg;
    weft_err result;
    weft__timer timer;
    void *low; /* its stack, or NULL */
    size_t size;
    weft__detail detail;
} weft__task;

struct weft__scope {
    weft_sync_head head; /* its guard protects all of it; the joiner waits in it */
    weft_place *place;
    weft__list tasks;
    uint32_t live; /* tasks that have not ended */
    bool cancelled;
    weft_err first; /* the first failure */
    char *detail;   /* what that task had to say, or NULL */
};

_Static_assert(sizeof(struct weft__scope) <= sizeof(weft_scope), "room of the public type");

/* A task that will run fn(arg) at `place` once started. WEFT_NOMEM. `stack`: bytes, 0: the usual. */
weft_err weft__task_create(weft__task **t, weft_place *place, weft_fn fn, void *arg,
                           const char *name, size_t stack);
/* Let it run. Nothing of it may be touched any more. WEFT_NOMEM: no thread; it was freed. */
weft_err weft__task_start(weft__task *t);
/* It ended: free it, then tell its scope. On a stack that is not its own. */
void weft__task_end(weft__task *t);
/* Free one that was never started. */
void weft__task_free(weft__task *t);
/* Run it as a plain call on the calling thread, which it owns (threads place). */
void weft__task_run_here(weft__task *t);

/* Start `t` as a task of `s`, which was not cancelled; `t` has a stack, so this cannot fail. */
void weft__scope_start(weft_scope *s, weft__task *t);
/* Scope side of an end: forget `t`; then, with the task freed, count it out. */
void weft__scope_forget(weft__scope *s, weft__task *t);
void weft__scope_leave(weft__scope *s);

#endif
