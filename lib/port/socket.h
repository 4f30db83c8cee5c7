/* port/socket.h: sockets and pipes that do not block. What would have to wait is WEFT_EMPTY, without a
 * detail; whatever else fails has one. Nothing here raises SIGPIPE. */
#ifndef WEFT_PORT_SOCKET_H
#define WEFT_PORT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/address.h"
#include "weft/stream.h"

/* What kind of stream a descriptor is. */
typedef enum weft__fd_kind {
    WEFT__FD_TCP,      /* a read that was not filled has taken all there was */
    WEFT__FD_LOCAL,    /* a unix socket */
    WEFT__FD_PIPE,     /* a pipe, a terminal: no socket */
    WEFT__FD_FILE,     /* not to be waited for */
    WEFT__FD_DATAGRAM, /* a socket that is no stream */
    WEFT__FD_NONE      /* not open */
} weft__fd_kind;
weft__fd_kind weft__fd_kind_of(int fd);

/* Listen. A unix socket's file that nobody has any more is replaced; *node is that of port/socket_file.h. */
weft_err weft__socket_listen(const weft_address *at, int backlog, bool share_port, int *fd,
                             uint64_t *node);
/* The next connection, and who is at its other end. WEFT_EMPTY: none waits. WEFT_NOMEM: no descriptor or memory is
 * free. */
weft_err weft__socket_accept(int fd, int *connection, weft_address *peer);
/* A socket that connects to `to`. WEFT_EMPTY: it is under way, until *fd can be written; then
 * weft__socket_outcome says what it came to, or WEFT_EMPTY: not yet. WEFT_FULL: the backlog of a unix socket, and
 * nothing tells when it has room; without a detail. On any other failure there is no socket. */
weft_err weft__socket_connect(const weft_address *to, int *fd);
weft_err weft__socket_outcome(int fd, const weft_address *to);
/* A TCP connection breaks when nothing was heard of its peer for `seconds`, at most 32,767; 0: never. */
weft_err weft__socket_keepalive(int fd, int seconds);
/* Once it is closed, a TCP connection is broken for its peer too, whatever was on its way. */
void weft__socket_break(int fd);
weft_err weft__socket_pair(int fd[2]);
weft_err weft__socket_pipe(int *out, int *in);

/* *got is 0 at the end. WEFT_LOST: the connection broke. */
weft_err weft__stream_read(int fd, weft__fd_kind kind, void *buf, size_t cap, size_t *got);
/* At most `n` slices, as much as there is room for; *wrote is at least 1. WEFT_CLOSED: nobody reads. */
weft_err weft__stream_write(int fd, weft__fd_kind kind, const weft_slice *v, int n, size_t *wrote);
/* Half-close. */
weft_err weft__socket_end(int fd);
bool weft__socket_is_v6(const weft_address *a);
/* What a stream with a peer of that address is. */
weft__fd_kind weft__socket_kind(const weft_address *peer);
/* Zero if there is none. */
void weft__socket_peer(int fd, weft_address *a);
void weft__socket_address(int fd, weft_address *a);

#endif
