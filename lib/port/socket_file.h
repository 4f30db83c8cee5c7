/* port/socket_file.h: the file by which others find a unix socket. Whoever made it removes it; one that was
 * killed leaves it behind, and the next one at that path replaces it. */
#ifndef WEFT_PORT_SOCKET_FILE_H
#define WEFT_PORT_SOCKET_FILE_H

#include <stdint.h>

#include "port/address.h"

/* Bind the socket `fd` to `at`, a unix address or any other; a file that no socket has any more is replaced.
 * Returns 0, or the system's error number; EWOULDBLOCK: somebody else has locked the folder. */
int weft__socket_file_bind(int fd, const weft_address *at);
/* The folder of the file at `at`, a unix address that has one. */
void weft__socket_file_folder(const weft_address *at, char folder[WEFT__ADDRESS_UNIX_MOST + 1]);
/* The number by which the system tells the socket's file from others of that path later; 0: it has none. */
uint64_t weft__socket_file_node(const weft_address *at);
/* Remove the file if it still is the one of that number; 0: nothing. */
void weft__socket_file_remove(const weft_address *at, uint64_t node);

#endif
