/* sync/queue.h: the two kinds of weft_queue, one behind the other's name.
 *
 * A queue in this process is here (local.h). One that processes share is made by a layer above, which
 * says so with its first member. */
#ifndef WEFT_SYNC_QUEUE_H
#define WEFT_SYNC_QUEUE_H

#include "weft/queue.h"

/* What a queue of another kind does for the functions of weft/queue.h that it has; all of them may be
 * called by anybody who may call those. */
typedef struct weft__queue_kind {
    weft_err (*put)(weft_queue *q, const void *data, size_t len, weft_deadline by);
    weft_err (*get)(weft_queue *q, void *buf, size_t cap, size_t *len, weft_deadline by);
    void (*end)(weft_queue *q);
    void (*close)(weft_queue *q); /* and free */
} weft__queue_kind;

/* The first member of every queue. */
typedef struct weft__queue_base {
    const weft__queue_kind *kind; /* NULL: it is in this process */
    const char *name;
} weft__queue_base;

#endif
