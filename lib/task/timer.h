/* task/timer.h: waiters by deadline, earliest first; a pairing heap through the timers themselves, so
 * that adding one never allocates. */
#ifndef WEFT_TASK_TIMER_H
#define WEFT_TASK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "port/guard.h"
#include "task/wait.h"

typedef struct weft__timer {
    struct weft__timer *child, *next; /* first child; next sibling */
    struct weft__timer *prev;         /* previous sibling, or the parent of a first child */
    int64_t at;                       /* monotonic ns */
    weft__waiter *who;
    bool queued;
} weft__timer;

typedef struct weft__timers {
    weft__guard guard;
    weft__timer *root;
    /* root->at, or INT64_MAX. Written under the guard; read by those about to sleep, who have said
     * so before (worker.c: I4). */
    WEFT_ATOMIC(int64_t) earliest;
} weft__timers;

void weft__timers_init(weft__timers *ts);
/* Have t->who unparked at t->at. Returns true if it is now the earliest. */
bool weft__timer_add(weft__timers *ts, weft__timer *t);
/* Whether it fired or not: afterwards `t` is the caller's again (W1). */
void weft__timer_remove(weft__timers *ts, weft__timer *t);
/* Unpark everybody whose time has come; returns how many. */
int weft__timers_expire(weft__timers *ts, int64_t now);

#endif
