/* produce.h: rank 0's part: the text of all files goes into the queue. */
#ifndef PRODUCE_H
#define PRODUCE_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "progress.h"
#include "source.h"
#include "weft/weft.h"

typedef struct producer {
    weft *w;
    weft_queue *queue;
    char *const *paths;
    size_t path_count;
    weft_lock turn; /* held by the task that fills a piece: the source serves one at a time */
    source source;
    progress progress; /* only tasks on the loop use it, and they run one at a time */
    failure failure;
} producer;

/* Make a producer of what `paths` hold. False if memory ran out. */
bool produce_init(producer *p, weft *w, weft_queue *q, char *const *paths, size_t n);

/* A task on the loop: read everything and put it into the queue, which is ended whatever happens.
 * `arg` is the producer. What goes wrong is kept there. */
weft_err produce(void *arg);

void produce_fini(producer *p);

#endif
