/* weft/timer.h: functions that are called later, once or again and again.
 *
 * A timer starts a task of a scope when its time has come. It lies in the caller's memory, and to start
 * and to cancel one take some tens of nanoseconds, however many there are: one for each connection, that
 * is moved on with each message, is no burden.
 *
 *     weft_timer idle = WEFT_TIMER_INIT;
 *     e = weft_timer_start(&idle, &scope, hang_up, peer, weft_in_s(30));
 *     ...
 *     if (weft_timer_cancel(&idle)) ...                   // hang_up will not be called
 *
 * A timer that has not fired is one of its scope's tasks: the scope's join waits for it, and when the scope
 * is cancelled or ended it does not fire any more.
 *
 * A ticker waits for moments that lie a period apart, however long what is done between them takes:
 *
 *     weft_ticker tick;
 *     uint64_t missed;
 *     weft_ticker_init(&tick, 20 * 1000000, weft_in_ms(20));
 *     while (weft_ticker_wait(&tick, &missed, WEFT_FOREVER) == WEFT_OK) ...
 */
#ifndef WEFT_TIMER_H
#define WEFT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/err.h"
#include "weft/task.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts a task at its time. Lives in the caller's memory, which must stay where it is until what it starts
 * has begun, weft_timer_cancel has returned or its scope has ended. */
typedef struct weft_timer {
    uint64_t opaque[16];
} weft_timer;

/* A timer that was never started: what it has to be before it is started for the first time. */
#define WEFT_TIMER_INIT                                                                            \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Start fn(arg) as a task of `s` at `at`, named after the function. One that has fired or was cancelled may
 * be started again; one that is still to fire aborts with the caller's place in the source. At WEFT_FOREVER
 * it does not fire, and waits to be cancelled.
 * Returns WEFT_OK, or WEFT_CANCELLED if `s` was cancelled. If there is no memory or no
 * thread for the task at its time, `s` fails with WEFT_NOMEM.
 * Owns: `arg` stays the caller's, and must live until the task ended or the timer was cancelled.
 * Caller: anyone while the scope is not being joined by its owner, and tasks of `s` at any time.
 * Switches: no. */
#define weft_timer_start(timer, s, fn, arg, at)                                                    \
    weft_timer_start_at((timer), (s), (fn), (arg), #fn, (at), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_timer_start_at(weft_timer *timer, weft_scope *s, weft_fn fn,
                                                   void *arg, const char *name, weft_deadline at,
                                                   const char *where);

/* Have the timer not fire. On return it is the caller's memory again.
 * Returns true if its task will not run; false if it has begun or is about to, or there is none.
 * Owns: nothing.   Caller: anyone, while the runtime lives.   Switches: no. */
WEFT_API bool weft_timer_cancel(weft_timer *timer);

/* Moments that lie a period apart. */
typedef struct weft_ticker {
    int64_t period, next; /* nanoseconds; when the next tick is */
    uint64_t spare[2];
} weft_ticker;

/* Make a ticker whose first tick is at `first`, and each further one `period_ns` nanoseconds after the one
 * before. A period of less than 1 aborts with the caller's place in the source.
 * Returns nothing: it cannot fail.   Owns: the caller owns `t`; there is nothing to end.
 * Caller: anyone.   Switches: no. */
#define weft_ticker_init(t, period_ns, first)                                                      \
    weft_ticker_init_at((t), (period_ns), (first), WEFT_HERE)
WEFT_API void weft_ticker_init_at(weft_ticker *t, int64_t period_ns, weft_deadline first,
                                  const char *where);

/* Wait for the next tick. If it was a while ago and others have passed since, that is one tick too, and
 * `missed` says how many others; it may be NULL. What comes next lies on the ticker's own moments, so that
 * it does not drift.
 * Returns WEFT_OK; WEFT_LATE or WEFT_CANCELLED: the tick is still to come.   Owns: nothing.
 * Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_ticker_wait(weft_ticker *t, uint64_t *missed, weft_deadline by);

#ifdef __cplusplus
}
#endif
#endif
