/* port/datagram.h: sockets for datagrams. They are never connected, so an answer of the network to one datagram
 * does not become the result of a later call. */
#ifndef WEFT_PORT_DATAGRAM_H
#define WEFT_PORT_DATAGRAM_H

#include "port/address.h"

/* Open a socket at `at`; *node tells its file, if it makes one, from others of that path later. One for every
 * IPv6 address takes IPv4 too, or is IPv4 only where there is no IPv6; *at is what it became. */
weft_err weft__datagram_open(weft_address *at, int *fd, uint64_t *node);
/* One to send to addresses such as `to`, at an address that the system chooses. */
weft_err weft__datagram_open_for(const weft_address *to, weft_address *at, int *fd);
void weft__datagram_address(int fd, weft_address *a);
/* WEFT_EMPTY, without a detail: it would block. */
weft_err weft__datagram_send(int fd, const void *buf, size_t len, const weft_address *to);
/* WEFT_EMPTY, without a detail: it would block. WEFT_TOOBIG: it is still there, and *len bytes long. `ask`: it
 * may be longer than `cap`. */
weft_err weft__datagram_receive(int fd, void *buf, size_t cap, bool ask, size_t *len,
                                weft_address *from);
/* Open a descriptor that is writable while the unix socket at `to` has room for one more datagram. */
weft_err weft__datagram_room(const weft_address *to, int *fd);
/* Whoever waits for `fd` is woken, and whoever will wait does not. */
void weft__datagram_stop(int fd);
/* Close it, and remove its file if it still is the one that weft__datagram_open made. */
void weft__datagram_close(int fd, uint64_t node);

#endif
