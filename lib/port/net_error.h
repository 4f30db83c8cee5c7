/* port/net_error.h: what the network says of an address. */
#ifndef WEFT_PORT_NET_ERROR_H
#define WEFT_PORT_NET_ERROR_H

#include "weft/address.h"

/* As weft__sys_error, of a call about the address `at`: one that cannot be is WEFT_INVALID, and one that
 * receives no more WEFT_REFUSED. */
weft_err weft__net_error(int number, const char *what, const weft_address *at);
/* The same, of a socket that is to have the address: for ports of root, files that are no sockets, and folders
 * that are missing or locked (EWOULDBLOCK, of port/socket_file.h: WEFT_INUSE). */
weft_err weft__bind_error(int number, const char *what, const weft_address *at);

#endif
