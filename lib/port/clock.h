/* port/clock.h: time. */
#ifndef WEFT_PORT_CLOCK_H
#define WEFT_PORT_CLOCK_H

#include <stdint.h>

/* The monotonic clock in nanoseconds; the same for all processes of a host. Cannot fail. */
int64_t weft__clock_ns(void);

/* CPU time that this process has used so far, in nanoseconds. */
int64_t weft__clock_cpu_ns(void);

#endif
