/* port/map.h: memory from the operating system. */
#ifndef WEFT_PORT_MAP_H
#define WEFT_PORT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"

/* Address space for stacks: private, committed on touch, in small pages. WEFT_NOMEM. */
weft_err weft__stacks_map(size_t size, void **at);
void weft__stacks_unmap(void *at, size_t size);
/* Make one page of it a guard page, for good: `light`ly, or as a mapping of its own, of which a process
 * may only have so many. WEFT_NOMEM. */
weft_err weft__stacks_guard(void *page, bool light);
/* Whether this system has light guards, for which no mapping is needed. */
bool weft__stacks_guard_light(void);
/* Give the memory of a range back: it is zero, and stays mapped. */
void weft__stacks_forget(void *low, size_t size);
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
