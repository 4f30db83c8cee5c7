/* task/stack.h: stacks. Each has its record at its high end, and a scheduler loop at its base; it is
 * kept for the next task.
 *
 * K1 A stack stays mapped while the runtime lives. Free ones beyond a number give their memory back:
 *    their record is zero until they are used again, and a late thief finds nothing there. What a late
 *    thief or waker may write to it meanwhile is in forks.h (asked) and wait.h (W4); so those words are
 *    not set anew.
 * K2 Whether a stack has memory is known outside of it (chunk.h); so are the free ones without.
 */
#ifndef WEFT_TASK_STACK_H
#define WEFT_TASK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "port/err.h"
#include "port/fault.h"
#include "port/guard.h"
#include "task/chunk.h"
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
    struct weft__task *onboard; /* with `job`: who waits */
    weft__job job;              /* while its task waits for a side thread */
    weft__list left;            /* among those that parked with shared children; idle's guard */
    struct weft__task guest;    /* as who a stolen child runs here */
    struct weft *rt;
    char *low;
    size_t size;
    weft__canary *canary; /* the word below `low`, or NULL if a guard page is there */
    weft__chunk *chunk;   /* where it lies, and in which cell of that */
    uint32_t cell;
    unsigned valgrind;
    bool large, listed; /* of the large kind; was put into idle.left and has not run since */
    weft__detail detail;
} weft__stack;

/* Those of one size. */
typedef struct weft__stacks_kind {
    size_t size;
    weft__stack *free;   /* with memory */
    uint32_t warm, keep; /* how many those are, and how many may stay so */
    uint32_t low;        /* the fewest since the pool was last trimmed: so many nobody missed */
    WEFT_ATOMIC(weft__chunk *) chunks; /* the newest first; read by the handler of a fault too */
    uint32_t made;
    uint32_t cold; /* in all chunks */
    weft__chunk *thawing;
} weft__stacks_kind;

/* A stack whose record may be gone. */
typedef struct weft__stack_place {
    weft__chunk *chunk;
    uint32_t cell;
} weft__stack_place;

/* How many give their memory back at a time, which takes part of a millisecond: the timers wait. */
enum { WEFT__TRIM_MOST = 64 };

/* All stacks of a runtime. */
typedef struct weft__stacks {
    weft__guard guard;
    struct weft *rt;
    weft__stacks_kind kind[2];      /* usual, large */
    weft__guarding guarding;        /* light or mapped */
    bool unguarded;                 /* the usual kind has canaries instead */
    uint32_t guarded, most_guarded; /* by guard pages that are mappings */
    size_t made, most;
    /* When memory is to be given back; INT64_MAX: never. Written under the guard; read by the holder of
     * the poll token, who does it. */
    WEFT_ATOMIC(int64_t) due;
    weft__stack_place trimmed[WEFT__TRIM_MOST]; /* while they do; the holder's of the poll token */
    weft__fault_watch watch;
} weft__stacks;

typedef struct weft__stacks_opts {
    size_t size, large; /* bytes of either kind */
    size_t most;        /* of both together; 0: WEFT__STACKS_MOST */
    bool unguarded;     /* the usual ones have no guard pages */
    bool report;        /* say who overflowed one: port/fault.h */
} weft__stacks_opts;

enum { WEFT__STACKS_MOST = 1 << 20 };

/* `rt` is what the stacks serve: their loops begin in weft__serve. */
void weft__stacks_init(weft__stacks *s, struct weft *rt, const weft__stacks_opts *opts);
/* Give all back to the system; nobody runs on any. */
void weft__stacks_fini(weft__stacks *s);
/* One that waits at its base, to be switched to. WEFT_NOMEM. */
weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out);
/* Nobody runs on it any more. */
void weft__stacks_put(weft__stacks *s, weft__stack *stack);
/* It is `now`: if it is time for that, give some of the memory back that nobody has missed for a while.
 * A worker that is `busy` pauses for longer in between. Returns whether there is more of it. */
bool weft__stacks_trim(weft__stacks *s, int64_t now, bool busy);
/* When the next trim is due. */
static inline int64_t weft__stacks_due(weft__stacks *s)
{
    return weft_atomic_load(&s->due, WEFT_SEQ_CST); /* pairs with weft__stacks_put: I4 */
}
/* Call fn(arg, stack) for each that has memory; under the guard, so `fn` gets none and gives none back. */
void weft__stacks_each(weft__stacks *s, void (*fn)(void *arg, weft__stack *stack), void *arg);
/* The one right above the guard page with this address in it, or NULL; also in the handler of a fault. */
weft__stack *weft__stacks_at(weft__stacks *s, const void *guard_page);

/* overflow.c */
/* A weft__fault_watch's: `at` is in a guard page of these stacks. */
bool weft__stacks_explain(void *stacks, const void *at, char *line, size_t room);
/* Whether the word below `s`, which has one, is what it was; or the stack there has no memory. */
bool weft__canary_is_whole(weft__stack *s);
/* Abort if the canary below `s` is broken, or the caller's frame is below its low end. */
void weft__stack_check_canary(weft__stack *s);

/* Who runs on `s` leaves it, or ends. It may have overflowed it. */
static inline void weft__stack_check(weft__stack *s)
{
    if (__builtin_expect(s->canary != NULL, 0))
        weft__stack_check_canary(s);
}

static inline weft__stack *weft__stack_here(void)
{
    return (weft__stack *)(void *)weft__here();
}

#endif
