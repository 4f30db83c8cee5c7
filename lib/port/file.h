/* port/file.h: files. Everything here may block, unless it says that it does not. `name` is for the
 * detail of an error. No signal is raised by a write, whoever calls it. */
#ifndef WEFT_PORT_FILE_H
#define WEFT_PORT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"

/* At the position of the descriptor, which moves on. */
#define WEFT__FILE_HERE (-1)

/* `how`: the flags of weft/file.h. WEFT_INVALID: a directory. */
weft_err weft__file_open(const char *path, unsigned how, int *fd);

/* How `fd` is open, in the flags of weft/file.h. WEFT_INVALID: it is not, it is a directory or a socket, or it does
 * not block, so that a read of it would have to wait here. */
weft_err weft__file_how(int fd, const char *name, unsigned *how);

/* Read until `cap` bytes or the end; at the position, what comes at once. */
weft_err weft__file_read(int fd, const char *name, void *buf, size_t cap, int64_t at, size_t *got);

/* The same without blocking: what is in memory. WEFT_EMPTY: nothing is; WEFT_INVALID: this file cannot be
 * read so. Other errors are left to weft__file_read, as WEFT_EMPTY. Sets no detail. */
weft_err weft__file_read_now(int fd, void *buf, size_t cap, int64_t at, size_t *got);

/* Write all. */
weft_err weft__file_write(int fd, const char *name, const void *buf, size_t len, int64_t at);

weft_err weft__file_size(int fd, const char *name, uint64_t *size);
weft_err weft__file_sync(int fd, const char *name);

#endif
