/* task/runq.h: what is ready to run, in the order in which it became so. One guard each; whoever is
 * out of work takes from others. */
#ifndef WEFT_TASK_RUNQ_H
#define WEFT_TASK_RUNQ_H

#include "port/guard.h"
#include "task/task.h"

typedef struct weft__runq {
    weft__guard guard;
    /* Length. Written under the guard; read without it by those who look for work, and by sleepers
     * in worker.c: I2. */
    WEFT_ATOMIC(uint32_t) count;
    weft__list list;
} weft__runq;

static inline void weft__runq_init(weft__runq *q)
{
    *q = (weft__runq){.guard = WEFT_ATOMIC_INIT(0)};
    weft__list_init(&q->list);
}

static inline void weft__runq_push(weft__runq *q, weft__runnable *r)
{
    weft__guard_take(&q->guard);
    weft__list_push(&q->list, &r->node);
    weft_atomic_fetch_add(&q->count, 1, WEFT_SEQ_CST); /* pairs with the sleeper's look: I2 */
    weft__guard_drop(&q->guard);
}

static inline bool weft__runq_any(weft__runq *q)
{
    return weft_atomic_load(&q->count, WEFT_SEQ_CST) != 0; /* pairs with weft__runq_push */
}

static inline weft__runnable *weft__runq_pop(weft__runq *q)
{
    if (weft_atomic_load(&q->count, WEFT_RELAXED) == 0)
        return NULL;
    weft__guard_take(&q->guard);
    weft__list *n = weft__list_pop(&q->list);
    if (n)
        weft_atomic_fetch_sub(&q->count, 1, WEFT_RELAXED);
    weft__guard_drop(&q->guard);
    return n ? weft__of(n, weft__runnable, node) : NULL;
}

#endif
