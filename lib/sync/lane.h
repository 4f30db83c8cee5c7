/* sync/lane.h: the right of one thread to work at one end of a queue without the queue's guard.
 *
 * Whoever holds the guard may lend the lane of an end to its own thread, and may call a lent one back. What
 * streams through a queue then costs one read-modify-write for each item at each end, or none: a lane may be
 * lent lightly, which makes calling it back from another thread dear. That is for queues whose two ends are
 * used by one thread: by tasks of one worker.
 *
 * N1 `holder` is written with the guard held: to the mark of the writer's own thread, or to 0.
 * N2 What belongs to the end is touched by the holder between enter and leave, in which nothing waits; or
 *    with the guard held, while the lane is not lent to another thread.
 * N3 Entering: write `inside`, then read `holder` again. Calling back: clear `holder`, then read `inside`.
 *    One of both sees the other. In a light lane the holder's half of the barrier between is paid by the
 *    other side, with weft__barrier_all.
 * N4 Leaving releases all that the holder did to whoever called the lane back; the guard does the rest.
 */
#ifndef WEFT_SYNC_LANE_H
#define WEFT_SYNC_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "port/barrier.h"
#include "port/futex.h"
#include "weft/atomic.h"

enum { WEFT__LANE_LIGHT = 1 }; /* beside the mark, in `holder` */

/* A thread that came so many times in a row, while nobody waited, has the lane lent. */
enum { WEFT__LANE_AFTER = 8 };

typedef struct weft__lane {
    WEFT_ATOMIC(uintptr_t) holder; /* N1; read by its holder */
    WEFT_ATOMIC(uint32_t) inside;  /* written by the holder; read by who calls back */
    uint32_t streak;               /* how often `last` came in a row; with the guard held */
    uintptr_t last;                /* the thread that came last */
} weft__lane;

/* May the calling thread, `me`, work at this end until leave? No guard needed. */
static inline bool weft__lane_enter(weft__lane *l, uintptr_t me)
{
    uintptr_t holder =
        weft_atomic_load(&l->holder, WEFT_RELAXED); /* its own writing, or not its own */
    if (holder == (me | WEFT__LANE_LIGHT)) {
        weft_atomic_store(&l->inside, 1, WEFT_RELAXED);
        weft__barrier_light(); /* N3; pairs with weft__barrier_all in who calls back */
    } else if (holder == me) {
        weft_atomic_exchange(&l->inside, 1,
                             WEFT_SEQ_CST); /* N3; pairs with call_back and drained */
    } else {
        return false;
    }
    if (weft_atomic_load(&l->holder, WEFT_SEQ_CST) == holder) /* N3; pairs with call_back */
        return true;
    weft_atomic_store(&l->inside, 0, WEFT_RELEASE); /* pairs with drained */
    return false;
}

static inline void weft__lane_leave(weft__lane *l)
{
    weft_atomic_store(&l->inside, 0, WEFT_RELEASE); /* N4; pairs with drained */
}

/* By who is inside. */
static inline bool weft__lane_is_light(const weft__lane *l)
{
    return weft_atomic_load(&l->holder, WEFT_RELAXED) &
           WEFT__LANE_LIGHT; /* its own writing, or 0 */
}

/* Whether another thread than `me` has it. Guard held. */
static inline bool weft__lane_elsewhere(weft__lane *l, uintptr_t me)
{
    uintptr_t holder = weft_atomic_load(&l->holder, WEFT_RELAXED);
    return holder != 0 && (holder & ~(uintptr_t)WEFT__LANE_LIGHT) != me;
}

/* Lend it to the calling thread. Guard held, and the lane is nobody's. */
static inline void weft__lane_lend(weft__lane *l, uintptr_t me, bool lightly)
{
    weft_atomic_store(&l->holder, lightly ? me | WEFT__LANE_LIGHT : me, WEFT_RELAXED);
}

/* From now on nobody enters; somebody may be inside. Guard held. True: it was another thread's, lightly,
 * and weft__barrier_all is due before `inside` says anything. */
static inline bool weft__lane_call_back(weft__lane *l, uintptr_t me)
{
    uintptr_t holder = weft_atomic_load(&l->holder, WEFT_RELAXED);
    l->streak = 0;
    if (holder == 0)
        return false;
    bool light = weft__lane_elsewhere(l, me) && (holder & WEFT__LANE_LIGHT);
    weft_atomic_exchange(&l->holder, 0, WEFT_SEQ_CST); /* N3; pairs with enter */
    return light;
}

/* Wait until who was inside has left. Guard held, the lane called back. */
static inline void weft__lane_drain(weft__lane *l)
{
    /* N3, N4; pairs with enter and leave. A holder that lost its CPU in there is let run. */
    for (uint32_t i = 1; weft_atomic_load(&l->inside, WEFT_SEQ_CST) != 0; i++)
        if (i % 64 == 0)
            weft__cpu_yield();
        else
            weft__cpu_relax();
}

#endif
