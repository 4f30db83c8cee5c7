/* task/wait.h: the only way anything waits. park, let go, and the queue of waiters that every primitive
 * is made of.
 *
 * W1 Who waits ends its wait by itself (late, cancelled) only after it took its own entry out of the
 *    queue under the guard. An entry that somebody else took out will be granted: the waiter then waits
 *    for that grant, however late it is.
 *    It says so in its own `stage` before it comes for the guard, and does not come if it was taken out
 *    already. Who lets several go at once waits until those that were on their way are past the guard, so
 *    that each of them may free the primitive (R13).
 * W2 A grant is one read-modify-write of the waiter's own word; unless the waiter had parked, neither it
 *    nor its entry nor the primitive is touched after that (R13). So whoever was let go may free the
 *    primitive at once: the granter dropped its guard before.
 * W3 A waiter that has parked runs again only when the one who found PARKED in its word makes it, so that
 *    one may touch it until then.
 * W4 park may return early (spuriously); every wait is a loop over a condition. A late "look" finds
 *    nobody or somebody else: the memory of waiters is reused as waiters only, while the runtime lives.
 */
#ifndef WEFT_TASK_WAIT_H
#define WEFT_TASK_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "port/futex.h"
#include "port/guard.h"
#include "port/here.h"
#include "weft/err.h"
#include "weft/sync.h"
#include "weft/time.h"

struct weft__scope;

typedef enum weft__waiter_kind {
    WEFT__WAITER_THREAD, /* sleeps as its thread does: one without a task, or a task that is on one */
    WEFT__WAITER_TASK    /* leaves its stack */
} weft__waiter_kind;

/* Bits of a waiter's word. */
enum {
    WEFT__LOOK = 1, /* something may have changed: a deadline, a cancellation */
    WEFT__GRANTED =
        2, /* what it waits for is its own now; set once for each wait that was granted */
    WEFT__PARKED = 4, /* it has left its stack */
    WEFT__ASLEEP = 8  /* its thread sleeps on the word */
};

/* Who waits: a task, or a thread. */
typedef struct weft__waiter {
    weft__futex state;
    uint8_t kind;   /* changed by itself only, while it runs: weft_move */
    uint8_t listed; /* in its scope's list of those that a cancellation has to reach; its own */
    WEFT_ATOMIC(uint16_t)
    shields;                   /* how many weft_shield it is in; its own, its children read it */
    struct weft__scope *scope; /* whose cancellation it sees; NULL: nobody's */
    const char *name;          /* who */
    const char *what, *on;     /* while it waits: "lock", the lock's name; its own */
} weft__waiter;

extern _Thread_local weft__waiter weft__waiter_of_thread
    __attribute__((tls_model("initial-exec"))); /* one instruction, also in a shared library */

/* The calling task or thread. */
static inline weft__waiter *weft__self(void)
{
    weft__waiter *me = weft__here()->me;
    return me ? me : &weft__waiter_of_thread;
}

/* Whether `self`, the caller, is cancelled and not shielded. Only tasks can be. */
bool weft__cancelled(const weft__waiter *self);

/* Sleep until the word says something, or until `by`. Ask weft__told before the next time.
 * WEFT_NOMEM: it could only sleep for a moment, keeping its worker: there is no stack for others. */
weft_err weft__park(weft__waiter *self, weft_deadline by);
/* What `self` was told since it last asked; forgets WEFT__LOOK and WEFT__GRANTED. */
uint32_t weft__told(weft__waiter *self);

/* Have `w` look again. */
void weft__unpark(weft__waiter *w);
/* Let `w` go: W2. */
void weft__grant(weft__waiter *w);
/* Wait until `self`, the caller, is granted. Unless `steady` it gives up at `by`, when it is cancelled, or
 * when there is no stack for others, if leave(arg) says that no grant is on its way. `what` and `on` say
 * meanwhile what it waits for. WEFT_OK, or why it gave up: WEFT_LATE, WEFT_CANCELLED or WEFT_NOMEM. */
weft_err weft__await(weft__waiter *self, const char *what, const char *on, bool steady,
                     weft_deadline by, bool (*leave)(void *arg), void *arg);

/* One wait in a queue. Lies on the waiter's stack; in the queue only under the guard. */
typedef struct weft__wait {
    struct weft__wait *next, *prev;
    weft__waiter *who;
    void *tag; /* what this one waits for, if the queue holds several sorts */
    WEFT_ATOMIC(uint32_t) stage;
} weft__wait;

/* Bits of `stage`. */
enum {
    WEFT__WAIT_LEAVING =
        1,               /* late or cancelled, on its way to the guard; set and cleared by itself */
    WEFT__WAIT_TAKEN = 2 /* out of the queue; set by who took it, under the guard */
};

/* Flags of a wait. */
enum {
    WEFT__WAIT_STEADY = 1, /* neither late nor cancelled: only a grant ends it */
    WEFT__WAIT_FIRST = 2   /* before all that wait already */
};

/* Wait in `q` for a grant. Called with q->guard held, returns with it dropped. `what` is the sort of
 * primitive ("lock"); q->name which one.
 * Returns WEFT_OK (granted); WEFT_LATE, WEFT_CANCELLED or WEFT_NOMEM (it left the queue in vain). */
weft_err weft__wait_in(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                       weft_deadline by);
/* As above; what must happen together with leaving the queue in vain, under the guard, is done by
 * `in_vain(q, arg)`. */
weft_err weft__wait_in_or(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                          weft_deadline by, void (*in_vain)(weft_sync_head *q, void *arg),
                          void *arg);

/* As weft__wait_in, but returns with the guard held: also for a queue in memory of the waiter, out of
 * which others grant while they hold the guard. */
static inline weft_err weft__wait_held(weft_sync_head *q, const char *what, void *tag,
                                       unsigned flags, weft_deadline by)
{
    weft_err e = weft__wait_in(q, what, tag, flags, by);
    weft__guard_take((weft__guard *)(void *)&q->guard);
    return e;
}

/* The first in `q`, or NULL. Guard held. */
static inline weft__wait *weft__wait_first(weft_sync_head *q)
{
    return q->first;
}

/* Take `w` out of `q`; it has to be granted afterwards. Guard held. */
void weft__wait_take(weft_sync_head *q, weft__wait *w);
/* Take everybody out: the first of them, linked by `next`. Guard held. */
weft__wait *weft__wait_take_all(weft_sync_head *q);
/* Grant what was taken: one, or a list. With the guard dropped if the primitive may be freed by who is
 * let go, and a list never under the guard. */
static inline void weft__wait_let_go(weft__wait *w)
{
    weft__grant(w->who);
}
void weft__wait_let_all_go(weft__wait *list);

/* Take and let go at once, under the guard: for queues that stay. */
void weft__wait_grant(weft_sync_head *q, weft__wait *w);
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
