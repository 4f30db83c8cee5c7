/* port/linux/quiet.h: writing without the signals that a write may raise, in this thread. */
#ifndef WEFT_PORT_LINUX_QUIET_H
#define WEFT_PORT_LINUX_QUIET_H

#include <signal.h>

/* What of SIGPIPE and SIGXFSZ was blocked and waiting before. */
typedef struct weft__quiet {
    sigset_t before, waiting;
} weft__quiet;

void weft__quiet_begin(weft__quiet *q);
/* `error` is the number with which the write failed, or 0. Leaves errno alone. */
void weft__quiet_end(const weft__quiet *q, int error);

#endif
