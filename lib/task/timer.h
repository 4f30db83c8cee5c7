/* task/timer.h: waiters by deadline. A wheel of wheels: each level has a slot for every value of one
 * digit of the deadline, so that to add and to cancel take a few steps however many there are, and the
 * timers themselves are the links, so that neither allocates.
 *
 * One wheel belongs to one worker. Its own tasks add to it; whoever a task runs on later may remove.
 */
#ifndef WEFT_TASK_TIMER_H
#define WEFT_TASK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "port/guard.h"
#include "task/wait.h"

enum {
    WEFT__TIMER_DIGIT = 6, /* bits of a deadline in nanoseconds that one level tells apart */
    WEFT__TIMER_FAN = 1 << WEFT__TIMER_DIGIT,
    WEFT__TIMER_LEVELS = (63 + WEFT__TIMER_DIGIT - 1) / WEFT__TIMER_DIGIT,
    /* The last level is left with three bits; behind them lies the slot of the late. */
    WEFT__TIMER_LATE = (WEFT__TIMER_LEVELS - 1) * WEFT__TIMER_FAN + 8,
    WEFT__TIMER_SLOTS
};

/* Lies in the frame of who waits. Set `at` and `who`, the rest is the wheel's. */
typedef struct weft__timer {
    struct weft__timer *next, *prev; /* a ring, the slot's; NULL: in none; under the guard */
    int64_t at;                      /* monotonic ns; any value but INT64_MAX */
    weft__waiter *who;
    struct weft__timers *home; /* where it was added; written by weft__timer_add only */
    unsigned slot;
} weft__timer;

typedef struct weft__timer_slot {
    weft__timer *first; /* the ring in order of adding, or NULL */
    int64_t from;       /* no timer in it is earlier */
} weft__timer_slot;

typedef struct weft__timers {
    /* No timer is earlier; INT64_MAX: there is none. Exact, unless the earliest of a crowded slot was
     * removed. Written under the guard; read by those about to sleep, who have said so before. */
    WEFT_ATOMIC(int64_t) earliest;
    weft__guard guard;
    /* The rest is under the guard; timer.c says what it means. */
    int64_t clock;
    unsigned moving;
    bool shuffled;
    uint32_t levels;
    uint64_t taken[WEFT__TIMER_LEVELS];
    weft__timer_slot slot[WEFT__TIMER_SLOTS];
} weft__timers;

void weft__timers_init(weft__timers *ts);
/* Have t->who unparked at t->at. Returns true if it is now the earliest: `earliest` became less. */
bool weft__timer_add(weft__timers *ts, weft__timer *t);
/* Whether it fired or not: afterwards `t`, which was added to `ts` once, is the caller's again, and
 * nobody is about to unpark it. Any thread. */
void weft__timer_remove(weft__timers *ts, weft__timer *t);
/* Unpark everybody whose time has come by `now`, in the order of their deadlines; returns how many.
 * Drops the guard from time to time if they are many. Any thread. */
int weft__timers_expire(weft__timers *ts, int64_t now);

#endif
