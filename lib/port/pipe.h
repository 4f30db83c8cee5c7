/* port/pipe.h: pipes, rows of descriptors to inherit, and writing without being held up. */
#ifndef WEFT_PORT_PIPE_H
#define WEFT_PORT_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/err.h"

/* A pipe; both ends are closed on exec. WEFT_NOMEM: no more descriptors. */
weft_err weft__pipe_open(int *read_end, int *write_end);

/* Write what goes at once, whether or not the descriptor would block; *put may be less than `len`.
 * `patient`: a file, which never blocks for long; `name` is for the detail. WEFT_EMPTY: nothing goes now. WEFT_CLOSED: nobody
 * reads any more. */
weft_err weft__fd_write_some(int fd, const char *name, const void *buf, size_t len, bool patient,
                             size_t *put);

/* Move descriptors so that their numbers follow one another, in this order, and let them be
 * inherited. WEFT_NOMEM: no more descriptors. */
weft_err weft__fd_row(int *fds, int count);

/* Open /dev/null for reading in place of each of the descriptors 0, 1 and 2 that is closed, so that no other
 * file takes their numbers, and what is written there fails as it should. */
void weft__fd_keep_standard(void);

#endif
