/* model/port.h: what stands in for lib/port in a model. */
#ifndef WEFT_MODEL_PORT_H
#define WEFT_MODEL_PORT_H

#include "model/checker.h"
#include "weft/fork.h"

/* What malloc and free are in the files of lib/; gone with the execution. */
void *model_malloc(size_t size);
void *model_calloc(size_t n, size_t size);
char *model_strdup(const char *text);
void *model_aligned_alloc(size_t alignment, size_t size);
void model_free(void *p);
/* So many are not freed yet. */
size_t model_held(void);

/* In each before(): nobody runs anywhere, no bell rings, and it is the beginning of time. */
void model_port_reset(void);

/* `h` runs on `thread`. */
void model_here(int thread, struct weft__record *h);

/* It is `deadline`, or later. */
void model_late(int64_t deadline);

#endif
