/* Waiting until all items of a queue in this process are done: L6 of local.h. Puts and gets count already,
 * so only those who say that an item is done, and those who wait for that, pay for it. */
#include "port/err.h"
#include "sync/local.h"

/* How many items were put or claimed so far. With joins.guard held, under which `done` stands still: if it is
 * as many now, it was so at one moment. */
static uint64_t all(weft__local *q)
{
    weft__guard *g = weft__sync_guard(&q->head);
    weft__guard_take(g);
    /* Who calls, or whose task_done was seen, has seen the puts that it is about. */
    uint64_t n = weft_atomic_load(&q->put.count, WEFT_RELAXED) + q->put.open + q->handed;
    weft__guard_drop(g);
    q->done_seen = n;
    return n;
}

void weft__local_task_done(weft__local *q, const char *where)
{
    const char *name = q->base.name;
    weft__wait *list = NULL;
    weft__guard *g = weft__sync_guard(&q->joins);
    weft__guard_take(g);
    if (q->done == q->done_seen && q->done == all(q))
        weft__misuse(where, "queue %s: task_done was called more often than items were put: %llu",
                     name, (unsigned long long)q->done);
    q->done++;
    if (weft__wait_first(&q->joins) && q->done == all(q))
        list = weft__wait_take_all(&q->joins);
    weft__guard_drop(g);
    weft__wait_let_all_go(list); /* one of them may close the queue */
}

weft_err weft__local_join(weft__local *q, weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&q->joins);
    weft__guard_take(g);
    if (q->done != all(q))
        return weft__wait_in(&q->joins, "queue (to join)", NULL, 0, by);
    weft__guard_drop(g);
    return WEFT_OK;
}

bool weft__local_joined(weft__local *q)
{
    weft__guard *g = weft__sync_guard(&q->joins);
    weft__guard_take(g);
    bool any = weft__wait_first(&q->joins);
    weft__guard_drop(g);
    return any;
}
