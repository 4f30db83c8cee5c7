/* weft/task.h: tasks, and the scopes that own them.
 *
 * A task is a function with a stack of its own: it may wait in the middle of a call, and costs no
 * thread while it waits. A scope owns tasks; leaving it leaves nothing running.
 *
 *     weft_scope s;
 *     weft_scope_init(&s, weft_pool(w), "produce");
 *     e = weft_go(&s, produce, q);
 *     e = weft_scope_join(&s, weft_in_ms(500));   // WEFT_LATE: some still run
 *     weft_scope_fini(&s);                        // cancels those, waits, done
 *
 * A task that returns an error other than WEFT_CANCELLED fails its scope: its siblings are
 * cancelled, and join returns the first such error. Cancellation is sticky: after it every wait of
 * the task returns WEFT_CANCELLED until the task ends.
 *
 * A task may go on on another thread after a wait: do not keep the address of thread-local data,
 * errno among it, across one. Floating point modes do not travel with a task.
 */
#ifndef WEFT_TASK_H
#define WEFT_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a task runs. What it returns goes to its scope. */
typedef weft_err (*weft_fn)(void *arg);

/* Owns tasks. Lives in the caller's memory, which must stay where it is until weft_scope_fini. */
typedef struct weft_scope {
    uint64_t opaque[16];
} weft_scope;

/* Make `s` empty; its tasks will run at `place`. `name` is kept, not copied: a literal.
 * Returns nothing: it cannot fail.   Owns: the caller owns `s`, and calls weft_scope_fini.
 * Caller: anyone.   Switches: no. */
WEFT_API void weft_scope_init(weft_scope *s, weft_place *place, const char *name);

/* Start fn(arg) as a task of `s`, named after the function. */
#define weft_go(s, fn, arg) weft_scope_go((s), (fn), (arg), #fn)

/* Start fn(arg) as a task of `s`. `name` is kept, not copied: a literal.
 * Returns WEFT_OK, WEFT_NOMEM (memory, stacks or threads), or WEFT_CANCELLED if `s` was cancelled.
 * Owns: `arg` stays the caller's, and must live until the task ended.
 * Caller: anyone while the scope is not being joined by its owner, and tasks of `s` at any time.
 * Switches: no. */
#define weft_scope_go(s, fn, arg, name) weft_scope_go_at((s), (fn), (arg), (name), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_scope_go_at(weft_scope *s, weft_fn fn, void *arg,
                                                const char *name, const char *where);

/* Wait until every task of `s` ended, or until `by`.
 * Returns WEFT_OK, WEFT_LATE, WEFT_CANCELLED (the caller was), or the first error that a task
 * returned.   Owns: nothing.
 * Caller: the task or thread that called weft_scope_init.   Switches: yes. */
#define weft_scope_join(s, by) weft_scope_join_at((s), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_scope_join_at(weft_scope *s, weft_deadline by,
                                                  const char *where);

/* Cancel every task of `s`, those too that are started later. No failure by itself.
 * Returns nothing: it cannot fail.   Owns: nothing.   Caller: anyone.   Switches: no. */
#define weft_scope_cancel(s) weft_scope_cancel_at((s), WEFT_HERE)
WEFT_API void weft_scope_cancel_at(weft_scope *s, const char *where);

/* Cancel what still runs, wait for it, and end the scope.
 * Returns nothing: it cannot fail.   Owns: `s` is the caller's memory again.
 * Caller: the task or thread that called weft_scope_init.   Switches: yes. */
#define weft_scope_fini(s) weft_scope_fini_at((s), WEFT_HERE)
WEFT_API void weft_scope_fini_at(weft_scope *s, const char *where);

/* Let others run, then go on.
 * Returns WEFT_OK or WEFT_CANCELLED.   Owns: nothing.   Caller: anyone (a thread yields its CPU).
 * Switches: yes. */
WEFT_API weft_err weft_yield(void);

/* Wait until `by`.
 * Returns WEFT_OK once it is that late, or WEFT_CANCELLED.   Owns: nothing.   Caller: anyone.
 * Switches: yes. */
WEFT_API weft_err weft_sleep(weft_deadline by);

/* Whether the calling task has been cancelled; for long computations between waits.
 * Returns true from the cancellation on.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API bool weft_cancelled(void);

/* Call fn(arg) with the cancellation of the calling task out of sight: its waits, and those of the
 * children that it forks and joins there, go on as if it were not cancelled. For clean-up that must wait.
 * Returns what fn returned.   Owns: nothing.   Caller: anyone.   Switches: if fn does. */
WEFT_API weft_err weft_shield(weft_fn fn, void *arg);

/* Go on at `place`: on a worker of the pool, as a task of the loop, or on a thread that may be blocked.
 * Around a call that really blocks:
 *     e = weft_move(weft_threads(w));  ...the call...  e = weft_move(weft_pool(w));
 * Returns WEFT_OK; WEFT_INVALID (on a plain thread, in a forked child or a loop's body, with forks that
 * are not joined) or WEFT_NOMEM (no thread, no stack): the task goes on where it was.
 * Owns: nothing.   Caller: a task.   Switches: yes; it is neither late nor cancelled. */
WEFT_API WEFT_CHECKED weft_err weft_move(weft_place *place);

/* The name of the calling task.
 * Returns the name, or "thread" on a thread that is no task.   Owns: nothing.   Caller: anyone.
 * Switches: no. */
WEFT_API const char *weft_task_name(void);

#ifdef __cplusplus
}
#endif
#endif
