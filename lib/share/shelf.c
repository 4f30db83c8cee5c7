/* The consumer's side: items that this rank asked for, and the getters that wait for them. */
#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "share/stream.h"

/* Have as much on the shelf and on its way as is wanted ahead, and at least one for each getter. */
static void ask(weft_queue *q)
{
    if (q->home || q->end != WEFT_OK || q->closing || q->home_gone)
        return;
    uint64_t want = q->waiting > q->ahead ? q->waiting : q->ahead;
    uint64_t have = q->coming + q->shelved;
    uint64_t more = have < want ? want - have : 0;
    /* Not a letter for each item: when half is used up, or when somebody would wait in vain. */
    if (more * 2 < q->ahead && q->coming >= q->waiting)
        more = 0;
    if (more == 0 && !q->draining)
        return;
    q->coming += more;
    weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_WANT, more, q->taken);
}

/* An item of the shelf has been taken. */
static weft__letter *take_first(weft_queue *q)
{
    weft__letter *item = weft__of(weft__list_pop(&q->shelf), weft__letter, node);
    q->shelved--;
    q->taken++;
    if (q->home)
        weft__home_taken(q, q->rank, q->taken);
    return item;
}

static weft__getting *leave_line(weft_queue *q, weft__getting *g)
{
    weft__list_remove(&g->node);
    q->waiting--;
    return g;
}

/* Let `g`, which has left the line, go. */
static void answer(weft__getting *g, weft_err result)
{
    g->result = result;
    weft__answer_give(&g->answer);
}

/* Bring items and getters together (Q5). An item that is too long for one getter is the next one's. */
static void match(weft_queue *q)
{
    while (q->shelved > 0 && q->waiting > 0) {
        weft__getting *g = leave_line(q, weft__of(q->getters.next, weft__getting, node));
        g->needed = weft__of(q->shelf.next, weft__letter, node)->head.len;
        bool fits = g->needed <= g->cap;
        if (fits)
            g->item = take_first(q); /* this may be the end, which is told to those still in line */
        answer(g, fits ? WEFT_OK : WEFT_TOOBIG);
    }
}

void weft__shelf_add(weft_queue *q, weft__letter *item)
{
    weft__list_push(&q->shelf, &item->node);
    q->shelved++;
    if (q->coming > 0)
        q->coming--;
    match(q);
    ask(q);
}

void weft__shelf_end(weft_queue *q, weft_err e, int rank)
{
    if (q->end != WEFT_OK)
        return;
    q->end = e;
    q->end_rank = rank;
    while (q->waiting > 0)
        answer(leave_line(q, weft__of(q->getters.next, weft__getting, node)), e);
}

void weft__shelf_drain(weft_queue *q)
{
    q->draining = true;
    ask(q);
}

weft__letter *weft__shelf_last(weft_queue *q)
{
    if (q->shelved == 0)
        return NULL;
    weft__letter *item = weft__of(q->shelf.prev, weft__letter, node);
    weft__list_remove(&item->node);
    q->shelved--;
    return item;
}

static weft_err ended(weft_queue *q, weft_err e)
{
    switch (e) {
    case WEFT_CLOSED:
        return weft__fail(e, "get: queue %s: every producer ended, nothing is left", q->name);
    case WEFT_NOMEM:
        return weft__fail(e, "get: queue %s: out of memory", q->name);
    default:
        return weft__fail(e,
                          "get: queue %s: rank %d died or left in the middle of its part; nothing "
                          "else is left",
                          q->name, q->end_rank);
    }
}

static weft_err too_big(weft_queue *q, size_t needed, size_t cap, size_t *len)
{
    *len = needed;
    return weft__fail(WEFT_TOOBIG, "get: queue %s: the next item has %zu bytes, the buffer %zu",
                      q->name, needed, cap);
}

static weft_err hand_out(weft_queue *q, weft__letter *item, void *buf, size_t *len)
{
    *len = item->head.len;
    if (item->head.len > 0)
        memcpy(buf, item->data, item->head.len);
    weft__queue_free(q, item);
    return WEFT_OK;
}

/* Take what is there. Guard held. WEFT_EMPTY: nothing, or others were first. */
static weft_err take_now(weft_queue *q, size_t cap, weft__letter **item, size_t *needed)
{
    if (q->waiting > 0)
        return WEFT_EMPTY;
    bool stored = q->shelved == 0 && q->home && weft__home_first(q);
    if (q->shelved == 0 && !stored)
        return q->end != WEFT_OK ? q->end : WEFT_EMPTY;
    weft__letter *first =
        stored ? weft__home_first(q) : weft__of(q->shelf.next, weft__letter, node);
    *needed = first->head.len;
    if (first->head.len > cap) {
        if (stored)
            weft__home_keep(q);
        return WEFT_TOOBIG;
    }
    *item = stored ? weft__home_take(q) : take_first(q);
    ask(q);
    return WEFT_OK;
}

/* Wait for an answer. Called with the guard held, returns without. */
static weft_err wait_turn(weft_queue *q, weft__getting *g, weft_deadline by)
{
    weft__answer_init(&g->answer, q->name);
    weft__list_push(&q->getters, &g->node);
    q->waiting++;
    if (q->home)
        weft__home_wait(q);
    ask(q);
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
    weft_err e = weft__answer_wait(&g->answer, "queue (to get)", 0, by);
    if (e == WEFT_OK)
        return g->result;
    weft__guard_take(&q->guard);
    bool left = !weft__list_empty(&g->node);
    if (left)
        leave_line(q, g);
    weft__guard_drop(&q->guard);
    return left ? e : g->result;
}

weft_err weft__queue_get(weft_queue *q, void *buf, size_t cap, size_t *len, weft_deadline by)
{
    if (!(q->role & WEFT_CONSUMER))
        return weft__fail(WEFT_INVALID, "get: queue %s: rank %d did not open it as a consumer",
                          q->name, q->rank);
    weft__getting g = {.cap = cap, .result = WEFT_OK};
    weft__guard_take(&q->guard);
    weft_err e = take_now(q, cap, &g.item, &g.needed);
    if (e == WEFT_EMPTY) {
        e = wait_turn(q, &g, by);
    } else {
        weft__queue_flush(q);
        weft__guard_drop(&q->guard);
    }
    switch (e) {
    case WEFT_OK:
        return hand_out(q, g.item, buf, len);
    case WEFT_TOOBIG:
        return too_big(q, g.needed, cap, len);
    case WEFT_LATE:
        return weft__fail(e, "get: queue %s: empty until the deadline", q->name);
    case WEFT_CANCELLED:
        return weft__fail(e, "get: queue %s: cancelled while it was empty", q->name);
    default:
        return ended(q, e);
    }
}
