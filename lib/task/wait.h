/* task/wait.h: the only way anything waits. park and unpark, and the queue of waiters that every
 * primitive is made of.
 *
 * W1 A waker unparks while it holds the guard of the structure in which it found the waiter, and a
 *    waiter takes that guard once more before it leaves its wait. So an unpark never reaches a
 *    waiter that has gone, and the memory of the primitive may be freed by the one who was let go:
 *    the dropping of the guard is the waker's last access.
 * W2 park may return early (spuriously); every wait is a loop over a condition.
 * W3 Nothing read before a park from thread-local storage is used after it (R1).
 */
#ifndef WEFT_TASK_WAIT_H
#define WEFT_TASK_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "port/futex.h"
#include "port/guard.h"
#include "weft/err.h"
#include "weft/sync.h"
#include "weft/time.h"

typedef enum weft__waiter_kind {
    WEFT__WAITER_THREAD, /* a thread that runs no task */
    WEFT__WAITER_SIDE,   /* a task of the threads place: it sleeps as its thread does */
    WEFT__WAITER_TASK    /* a task with a stack of its own */
} weft__waiter_kind;

/* Who waits: a task, or a thread. Its memory outlives every wait that it makes. */
typedef struct weft__waiter {
    weft__futex state; /* wait.c says what its values mean */
    weft__waiter_kind kind;
    WEFT_ATOMIC(uint32_t) cancelled; /* set once by whoever cancels; read by the waiter */
    const char *name;                /* who: the task's name */
    const char *what, *on; /* while parked: "lock", the lock's name; written by the waiter */
} weft__waiter;

/* The calling task or thread. Never inlined, never remembered across a park. */
weft__waiter *weft__self(void);

/* Sleep until somebody unparked `self` since its last park returned, or until `by`. */
void weft__park(weft__waiter *self, weft_deadline by);

/* Let `w` go on; its next park returns at once if it is not parked now. */
void weft__unpark(weft__waiter *w);

/* One wait in a queue. Lies on the waiter's stack; in the queue only under the guard. */
typedef struct weft__wait {
    struct weft__wait *next, *prev;
    weft__waiter *who;
    void *tag;    /* what this one waits for, if the queue holds several sorts */
    bool granted; /* under the guard */
} weft__wait;

enum { WEFT__WAIT_STEADY = 1 /* neither late nor cancelled: only a grant ends it */ };

/* Wait in `q` for a grant. Called with q->guard held, returns with it held. `what` is the sort of
 * primitive ("lock"); q->name which one.
 * Returns WEFT_OK (granted), WEFT_LATE or WEFT_CANCELLED (no longer in the queue). */
weft_err weft__wait_in(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                       weft_deadline by);

/* The first in `q`, or NULL. Guard held. */
weft__wait *weft__wait_first(weft_sync_head *q);

/* Take `w` out of `q`, grant it and let it go. Guard held by the caller until after the call. */
void weft__wait_grant(weft_sync_head *q, weft__wait *w);

/* Grant everybody in `q`. Guard held. */
void weft__wait_grant_all(weft_sync_head *q);

static inline void weft__sync_init(weft_sync_head *q, const char *name)
{
    *q = (weft_sync_head)WEFT_SYNC_HEAD_INIT(name);
}

/* The guard of `q` as a weft__guard. */
static inline weft__guard *weft__sync_guard(weft_sync_head *q)
{
    return (weft__guard *)(void *)&q->guard;
}

#endif
