/* port/map.h: memory from the operating system. */
#ifndef WEFT_PORT_MAP_H
#define WEFT_PORT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"

/* A stack of `size` bytes (a multiple of the page size) of address space above a guard page; its
 * memory is committed on touch. *low is its lowest usable address. WEFT_NOMEM. */
weft_err weft__stack_map(size_t size, void **low);
void weft__stack_unmap(void *low, size_t size);
size_t weft__page_size(void);

/* Memory that processes share: a sealed, nameless file of `size` bytes, all zero, nothing of it
 * committed. Closed on exec. */
weft_err weft__shmem_create(const char *label, size_t size, int *fd);
/* Commit a range, so that touching it can never fail later. WEFT_NOMEM. */
weft_err weft__shmem_commit(int fd, size_t offset, size_t size);
/* Map all of it. *size is what the file has; a file that could shrink is refused with WEFT_INVALID. */
weft_err weft__shmem_map(int fd, void **at, size_t *size);
void weft__shmem_unmap(void *at, size_t size);

#endif
