/* weft/gather.h: several calls at once, and calls with a deadline.
 *
 * A call is a function with its argument, in the caller's memory; each runs as a task of its own, and how it
 * ended comes back in it. Nothing is left running when one of these functions returns: what is not wanted
 * any more is cancelled and waited for.
 *
 *     weft_call calls[] = {WEFT_CALL(fetch, &left), WEFT_CALL(fetch, &right)};
 *     e = weft_gather(weft_pool(w), calls, 2, weft_in_s(5));           // both, or why not
 *     e = weft_first(weft_pool(w), calls, 2, &which, weft_in_s(5));    // the one that ends first
 *     e = weft_within(fetch, &left, weft_in_ms(200));                  // in time, or not at all
 *
 * Late and cancelled. At the deadline, or when the caller is cancelled, what still runs is cancelled and
 * waited for. A call that has its effect all the same, and so returns something else than WEFT_CANCELLED, is
 * not late: its result counts as if it had come in time.
 *
 * A place of NULL is the one where the calling task runs; a thread that is no task has to name one.
 */
#ifndef WEFT_GATHER_H
#define WEFT_GATHER_H

#include <stddef.h>

#include "weft/err.h"
#include "weft/task.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One call. Set what is to be called, the rest is the callee's; it may be used again afterwards. */
typedef struct weft_call {
    weft_fn fn;
    void *arg;
    const char *name; /* of its task; NULL: "call". A literal */
    weft_err result;  /* what fn returned; WEFT_CANCELLED if it was not called */
    char why[212]; /* its weft_detail if it failed; of a longer one (512 at most) the beginning */
    void *of, *next;
} weft_call; /* 256 bytes */

/* The call fn(arg), named after the function. */
#ifdef __cplusplus
#define WEFT_CALL(fn, arg) (weft_call{(fn), (arg), #fn, WEFT_OK, {0}, NULL, NULL})
#else
#define WEFT_CALL(fn, arg) ((weft_call){(fn), (arg), #fn, WEFT_OK, {0}, NULL, NULL})
#endif

/* Make `n` calls at `place` at once and wait for all. The first that does not return WEFT_OK has the others
 * cancelled.
 * Returns WEFT_OK (each of them did), the first error that one returned, with its detail, or WEFT_LATE,
 * WEFT_CANCELLED (the caller was), WEFT_NOMEM or WEFT_INVALID (no place).
 * Owns: `calls` stay the caller's; their results are in them, whatever is returned.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_gather(weft_place *place, weft_call *calls, size_t n,
                                           weft_deadline by);

/* As weft_gather, but let all end, however the others end: who fails cancels nobody.
 * Returns WEFT_OK once all ended in time, whatever they returned: look at each `result`; or WEFT_LATE,
 * WEFT_CANCELLED (the caller was), WEFT_NOMEM or WEFT_INVALID (no place).
 * Owns: as weft_gather.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_gather_all(weft_place *place, weft_call *calls, size_t n,
                                               weft_deadline by);

/* Make `n` calls at `place` at once, at least one, until the first of them ends; the others are cancelled and
 * waited for. A `which` of NULL is not told.
 * Returns what that one returned, with its number in *which and its detail; or WEFT_LATE, WEFT_CANCELLED (the
 * caller was, and none had ended), WEFT_NOMEM or WEFT_INVALID (no place, no calls): *which is `n`.
 * Owns: as weft_gather.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_first(weft_place *place, weft_call *calls, size_t n,
                                          size_t *which, weft_deadline by);

/* As weft_first, but until the first of them returns WEFT_OK.
 * Returns WEFT_OK, with its number in *which; if none did, what the first that failed returned, with its
 * number and its detail; or as weft_first.   Owns: as weft_gather.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_first_ok(weft_place *place, weft_call *calls, size_t n,
                                             size_t *which, weft_deadline by);

/* Call fn(arg), as a task at the place of the caller, and cancel it at `by`.
 * Returns what fn returned, as it is and with its detail, if it ended in time or had its effect all the same;
 * WEFT_LATE if it returned WEFT_CANCELLED after `by`; WEFT_NOMEM, or WEFT_INVALID if the caller is no task: a
 * thread has weft_gather for it.   Owns: `arg` stays the caller's.
 * Caller: a task; if it is cancelled, so is fn.   Switches: yes. */
#define weft_within(fn, arg, by) weft_within_named((fn), (arg), #fn, (by))

/* As weft_within, with a name for the task: it is kept, not copied.
 * Returns as weft_within.   Owns: `arg` stays the caller's.   Caller: a task.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_within_named(weft_fn fn, void *arg, const char *name,
                                                 weft_deadline by);

/* Calls that come back one by one, as they end:
 *
 *     weft_each each;
 *     e = weft_each_start(&each, weft_pool(w), calls, n, "pages");
 *     if (e == WEFT_OK) {
 *         while ((e = weft_each_next(&each, &call, weft_in_s(5))) == WEFT_OK) ...
 *         weft_each_fini(&each);                           // e was WEFT_CLOSED: those were all
 *     }
 *
 * Lives in the caller's memory, which must stay where it is until weft_each_fini. */
typedef struct weft_each {
    uint64_t opaque[32];
} weft_each;

/* Start `n` calls at `place`. `name` is kept, not copied: a literal.
 * Returns WEFT_OK; WEFT_INVALID (no place): none was started; or WEFT_NOMEM: none runs any more, those that had
 * been started by then were cancelled and waited for.
 * Owns: the caller owns `each` if it is WEFT_OK, and calls weft_each_fini; `calls` stay its too.
 * Caller: anyone.   Switches: no, unless it fails in the middle. */
WEFT_API WEFT_CHECKED weft_err weft_each_start(weft_each *each, weft_place *place, weft_call *calls,
                                               size_t n, const char *name);

/* Wait for the next call that ends. Its result is in it: a call that fails cancels nobody.
 * Returns WEFT_OK with its address in *call; WEFT_CLOSED once all were given; WEFT_LATE or WEFT_CANCELLED (the
 * caller was): they go on running, and none was taken.   Owns: nothing.
 * Caller: the task or thread that called weft_each_start.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_each_next(weft_each *each, weft_call **call, weft_deadline by);

/* Cancel what still runs, wait for it, and end it.
 * Returns nothing: it cannot fail.   Owns: `each` is the caller's memory again.
 * Caller: the task or thread that called weft_each_start.   Switches: yes. */
WEFT_API void weft_each_fini(weft_each *each);

#ifdef __cplusplus
}
#endif
#endif
