/* port/fd.h: descriptors: reading, writing, closing, passing on. Error numbers become weft_errs here. */
#ifndef WEFT_PORT_FD_H
#define WEFT_PORT_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"

/* The error that an error number of the system means, with a detail: "WHAT: NAME: strerror". */
weft_err weft__sys_error(int number, const char *what, const char *name);

bool weft__fd_is_open(int fd);
weft_err weft__fd_open_read(const char *path, int *fd);
/* *got is 0 at the end only. Retries after signals. WEFT_EMPTY: would block. */
weft_err weft__fd_read(int fd, void *buf, size_t cap, size_t *got);
/* Writes all. Retries after signals. WEFT_CLOSED: nobody reads any more (no SIGPIPE on sockets). */
weft_err weft__fd_write(int fd, const void *buf, size_t len);
void weft__fd_close(int fd);
/* Block the calling thread until `fd` is readable or writable (POLL_IN, POLL_OUT of poller.h). Returns
 * WEFT_OK, WEFT_LATE or WEFT_INVALID. */
weft_err weft__fd_wait(int fd, unsigned what, int64_t deadline_ns);
weft_err weft__fd_cloexec(int fd, bool on);
weft_err weft__fd_nonblock(int fd, bool on);
/* The pipe or terminal `fd` once more, not blocking: whether a descriptor blocks is a matter of all that share its
 * opening, in other processes too. WEFT_DENIED: it is something else, or cannot be opened; WEFT_NOMEM: no descriptor. */
weft_err weft__fd_open_anew(int fd, int *anew);
bool weft__fd_blocks(int fd);
/* Put `by` in the place of `fd`, which goes on being closed on exec or not; there is no `by` any more. */
weft_err weft__fd_replace(int fd, int by);

#endif
