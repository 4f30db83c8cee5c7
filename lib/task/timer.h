/* task/timer.h: waiters by deadline. A wheel of wheels: each level has slots twice to 64 times as long as
 * the one below, so that to add and to cancel take a few steps however many there are, and the timers
 * themselves are the links, so that neither allocates. A timer lies on the stack of who waits, on a page
 * of its own, and to touch it costs more than all the rest. Therefore one level is wide: who waits for
 * less than 4 s goes straight to a slot of 262 us, with few others.
 *
 * One wheel belongs to one worker. Its own tasks add to it; whoever a task runs on later may remove.
 */
#ifndef WEFT_TASK_TIMER_H
#define WEFT_TASK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "port/latch.h"
#include "task/wait.h"

#ifndef WEFT__TIMER_WIDE
#define WEFT__TIMER_WIDE 14u /* bits of the number of a slot on the wide level */
#endif

enum {
    WEFT__TIMER_FINE = 3, /* levels below the wide one */
    WEFT__TIMER_FAR = 7,  /* above it */
    WEFT__TIMER_LEVELS = WEFT__TIMER_FINE + 1 + WEFT__TIMER_FAR,
    WEFT__TIMER_FAN = 64, /* slots of each of those */
    /* The slots of the wide level come first, then those of the others, then that of the late. */
    WEFT__TIMER_WIDTH = 1u << WEFT__TIMER_WIDE,
    WEFT__TIMER_LATE = WEFT__TIMER_WIDTH + (WEFT__TIMER_LEVELS - 1) * WEFT__TIMER_FAN,
    WEFT__TIMER_SLOTS,
    WEFT__TIMER_WORDS = WEFT__TIMER_WIDTH / 64,
    WEFT__TIMER_SUMS = (WEFT__TIMER_WORDS + 63) / 64
};

/* Lies in the frame of who waits, or is a weft_timer (timed.c). Set `at` and who is to be told, the rest is
 * the wheel's. */
typedef struct weft__timer {
    struct weft__timer *next, *prev; /* a ring, the slot's; NULL: in none; under the guard */
    int64_t at;                      /* monotonic ns; any value but INT64_MAX */
    union {
        weft__waiter *who;
        struct weft__scope *scope; /* if `timed`: whose task begins */
    };
    struct weft__timers *home; /* where it was added; written by weft__timer_put only */
    unsigned slot;
    bool timed; /* it is that of a weft__timed */
} weft__timer;

typedef struct weft__timer_slot {
    weft__timer *first; /* the ring in order of adding */
    int64_t from;       /* no timer in it is earlier */
} weft__timer_slot;

typedef struct weft__timers {
    /* No timer is earlier; INT64_MAX: there is none. Exact, unless the earliest of a crowded slot was
     * removed. Written under the guard; read by those about to sleep, who have said so before. */
    WEFT_ATOMIC(int64_t) earliest;
    weft__latch guard;
    /* The rest is under the guard; timer.c says what it means. */
    int64_t clock;
    bool late, shuffled;
    uint32_t levels; /* a bit for each that has a timer */
    uint64_t
        taken[WEFT__TIMER_LEVELS];    /* a bit for each slot that has; of the wide level, unused */
    uint64_t wide[WEFT__TIMER_WORDS]; /* that of the wide level */
    uint64_t sums[WEFT__TIMER_SUMS];  /* a bit for each word of `wide` that is not 0 */
    weft__timer_slot slot[WEFT__TIMER_SLOTS]; /* of one that has none nothing is ever read */
} weft__timers;

void weft__timers_init(weft__timers *ts);
/* Have t->who unparked at t->at. Returns true if it is now the earliest: `earliest` became less. */
bool weft__timer_add(weft__timers *ts, weft__timer *t);
/* As weft__timer_add, with the guard held. */
bool weft__timer_put(weft__timers *ts, weft__timer *t);
/* Take `t` out of the wheel, in which it is. Guard held. */
void weft__timer_drop(weft__timer *t);

/* timed.c */
/* Of those that fired: the tasks that begin once the guard is dropped, by `next`; and a scope for whose task
 * there was no memory, after which no more may fire before that was told. */
typedef struct weft__fired {
    int n;
    struct weft__task *first, *last;
    struct weft__scope *in_vain;
} weft__fired;

/* `t`, a timed one, was taken out of the wheel: T2. Guard held. */
void weft__timed_fire(weft__timer *t, weft__fired *f);
/* With the guard dropped. */
void weft__timed_begin(weft__fired *f);

/* Whether it fired or not: afterwards `t`, which was added to `ts` once, is the caller's again, and
 * nobody is about to unpark it. Any thread. */
void weft__timer_remove(weft__timers *ts, weft__timer *t);
/* Unpark everybody whose time has come by `now`, in the order of their deadlines; returns how many. Tasks
 * that are to begin do so a little after, in their own order.
 * Drops the guard from time to time if they are many. To be called from time to time, also if nobody's
 * time has come: it keeps the clock, by which near and far are told apart. Any thread. */
int weft__timers_expire(weft__timers *ts, int64_t now);

#endif
