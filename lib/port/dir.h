/* port/dir.h: what is in a directory. */
#ifndef WEFT_PORT_DIR_H
#define WEFT_PORT_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/dir.h"

weft_err weft__dir_open(const char *path, int *fd);
/* Fill `buf`, aligned for a uint64_t, with entries whose kinds are known. May block. *len is 0 at the end. */
weft_err weft__dir_fill(int fd, const char *name, void *buf, size_t cap, size_t *len);
/* The entry at *at of `len` bytes, and move *at behind it; false at their end. "." and ".." are left out. */
bool weft__dir_entry(const void *buf, size_t len, size_t *at, weft_dir_entry *x);

#endif
