/* task/stack.h: stacks, kept for the next task. */
#ifndef WEFT_TASK_STACK_H
#define WEFT_TASK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "port/guard.h"
#include "weft/err.h"

/* Stacks of one size that are free at the moment. */
typedef struct weft__stacks {
    weft__guard guard;
    weft__list free; /* nodes at the low end of free stacks */
    uint32_t count;
    size_t size;
} weft__stacks;

void weft__stacks_init(weft__stacks *s, size_t size);
/* Give all free ones back to the system. */
void weft__stacks_fini(weft__stacks *s);
/* *size is 0 for the usual size, and then set to it. WEFT_NOMEM. */
weft_err weft__stacks_get(weft__stacks *s, size_t *size, void **low);
void weft__stacks_put(weft__stacks *s, void *low, size_t size);

#endif
