/* weft/time.h: deadlines.
 *
 * A call that may wait takes a deadline, a point in monotonic time, not a duration: it can be
 * handed down through many calls and means the same in each of them.
 *
 *     weft_deadline by = weft_in_ms(500);
 *     e = weft_lock_acquire(&a, by);
 *     e = weft_lock_acquire(&b, by);      // the same half second
 *
 * WEFT_NOW polls; WEFT_FOREVER waits as long as it takes.
 */
#ifndef WEFT_TIME_H
#define WEFT_TIME_H

#include <stdint.h>

#include "weft/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds on the monotonic clock of this host. A struct, so that a duration cannot be passed. */
typedef struct weft_deadline {
    int64_t ns;
} weft_deadline;

#ifdef __cplusplus
#define WEFT_NOW     (weft_deadline{INT64_MIN})
#define WEFT_FOREVER (weft_deadline{INT64_MAX})
#else
#define WEFT_NOW     ((weft_deadline){INT64_MIN})
#define WEFT_FOREVER ((weft_deadline){INT64_MAX})
#endif

/* The monotonic clock.
 * Returns nanoseconds since an arbitrary point; the same for all processes of a host.
 * Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int64_t weft_clock(void);

/* The deadline `ns` nanoseconds from now; a negative `ns` lies in the past, an overflow is never.
 * Returns the deadline.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_deadline weft_in_ns(int64_t ns);

/* As weft_in_ns, in microseconds.
 * Returns the deadline.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_deadline weft_in_us(int64_t us);

/* As weft_in_ns, in milliseconds.
 * Returns the deadline.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_deadline weft_in_ms(int64_t ms);

/* As weft_in_ns, in seconds.
 * Returns the deadline.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_deadline weft_in_s(int64_t s);

#ifdef __cplusplus
}
#endif
#endif
