/* weft/signal.h: signals of the operating system as events.
 *
 *     weft_signals *s;
 *     int number;
 *     e = weft_signals_open(w, &s, (const int[]){SIGTERM, SIGHUP}, 2);
 *     while ((e = weft_signals_next(s, &number, WEFT_FOREVER)) == WEFT_OK)
 *         if (number == SIGTERM)
 *             break;
 *     weft_signals_close(&s);                              // what happened before happens again
 *
 * A server that ends by a signal, and lets those that it serves end; the README has all of it:
 *
 *     weft_call calls[] = {WEFT_CALL(accepts, v), WEFT_CALL(hears, v)};  // a loop that accepts; weft_signals_next
 *     e = weft_first(NULL, calls, 2, NULL, WEFT_FOREVER);  // it ends, or a signal comes: the other is cancelled
 *     weft_listener_close(&v->listener);                   // nobody comes in any more
 *     if (weft_scope_join(&v->connections, weft_in_s(5)) == WEFT_LATE)
 *         ...                                              // those that are left are cancelled,
 *     weft_scope_fini(&v->connections);                    // and their peers read an end
 *
 * While it is open these signals do nothing else to the process: each is counted by a handler and handed out
 * by weft_signals_next, one for each time the handler ran. The system itself may make one of several that
 * were sent in a row. They are delivered to a thread that does not block them, such as the program's first;
 * if every thread does, they wait.
 */
#ifndef WEFT_SIGNAL_H
#define WEFT_SIGNAL_H

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Signals that are waited for. */
typedef struct weft_signals weft_signals;

/* Take the `n` signals `numbers` from now on. Not SIGKILL and SIGSTOP, which nobody can take; not the faults
 * (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS), after which nothing goes on; not SIGPIPE, which
 * weft's own writes report as WEFT_CLOSED.
 * Returns WEFT_OK, WEFT_INUSE (another weft_signals has one of them), WEFT_INVALID (those above, or no signals),
 * WEFT_NOMEM (memory, descriptors) or WEFT_SYS; then nothing was changed.
 * Owns: the caller owns *s until weft_signals_close.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_signals_open(weft *w, weft_signals **s, const int *numbers,
                                                 int n);

/* Wait for the next of them. Those of different numbers are handed out in turns, not in the order in which
 * they came.
 * Returns WEFT_OK, WEFT_LATE, WEFT_CANCELLED, WEFT_CLOSED (stopped or closed by another task), WEFT_INVALID
 * (somebody waits already) or WEFT_NOMEM.   Owns: nothing.   Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_signals_next(weft_signals *s, int *number, weft_deadline by);

/* Send away who waits for the next, and who comes to: WEFT_CLOSED. The signals stay taken until
 * weft_signals_close. For a task that waits in a loop: stop it, wait for the task, close it,
 * and not before this has returned.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_signals_stop(weft_signals *s);

/* Put back what these signals did before, unless somebody has set something else meanwhile, and set *s to
 * NULL; does nothing if *s is NULL. Who waits in weft_signals_next has WEFT_CLOSED, and has left it when this
 * returns. What was not handed out is forgotten.
 * Returns nothing.   Owns: takes the signals.   Caller: anyone.   Switches: yes, for a moment. */
WEFT_API void weft_signals_close(weft_signals **s);

#ifdef __cplusplus
}
#endif
#endif
