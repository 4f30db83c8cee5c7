/* The producer's side: a put is an offer to the home, which answers it. */
#include <stdlib.h>

#include "port/err.h"
#include "share/stream.h"

void weft__put_answer(weft_queue *q, uint64_t ticket, weft_err result)
{
    weft__list_each (it, &q->puts) {
        weft__putting *p = weft__of(it, weft__putting, node);
        if (p->ticket == ticket) {
            weft__list_remove(it);
            p->result = result;
            p->home_gone = q->home_gone;
            weft__answer_give(&p->answer);
            return;
        }
    }
}

void weft__put_fail_all(weft_queue *q, weft_err result)
{
    while (!weft__list_empty(&q->puts))
        weft__put_answer(q, weft__of(q->puts.next, weft__putting, node)->ticket, result);
}

static weft_err home_lost(weft_queue *q)
{
    return weft__fail(WEFT_LOST, "put: queue %s: its home, rank %d, died or left", q->name,
                      WEFT__QUEUE_HOME);
}

/* Why a put is not possible at all. */
static weft_err refuse(weft_queue *q, size_t len)
{
    if (!(q->role & WEFT_PRODUCER))
        return weft__fail(WEFT_INVALID, "put: queue %s: rank %d did not open it as a producer",
                          q->name, q->rank);
    if (len > q->max_bytes)
        return weft__fail(WEFT_TOOBIG,
                          "put: queue %s: an item of %zu bytes; it may have %zu (max_bytes)",
                          q->name, len, q->max_bytes);
    weft__guard_take(&q->guard);
    bool ended = q->put_end, broken = q->end == WEFT_NOMEM;
    weft__guard_drop(&q->guard);
    if (ended)
        return weft__fail(WEFT_CLOSED, "put: queue %s: rank %d ended its putting", q->name,
                          q->rank);
    if (broken)
        return weft__fail(WEFT_NOMEM, "put: queue %s: out of memory", q->name);
    return WEFT_OK;
}

/* What the answer means to the caller; `late`: how its wait ended. */
static weft_err outcome(weft_queue *q, const weft__putting *p, weft_err late)
{
    switch (p->result) {
    case WEFT_OK:
        return WEFT_OK;
    case WEFT_STALE:
        return weft__fail(late,
                          late == WEFT_LATE ? "put: queue %s: full until the deadline"
                                            : "put: queue %s: cancelled while it was full",
                          q->name);
    case WEFT_CLOSED:
        return weft__fail(WEFT_CLOSED, "put: queue %s: every consumer closed it", q->name);
    case WEFT_NOMEM:
        return weft__fail(WEFT_NOMEM, "put: queue %s: out of memory", q->name);
    case WEFT_LOST:
        return p->home_gone ? home_lost(q)
                            : weft__fail(WEFT_LOST, "put: queue %s: its last consumer died or left",
                                         q->name);
    default:
        return weft__fail(WEFT_INVALID, "put: queue %s: the home refused it", q->name);
    }
}

/* Wait for the answer, and if it is late for what the withdrawal comes to (Q4). */
static weft_err await(weft_queue *q, weft__putting *p, weft_deadline by)
{
    weft_err late = weft__answer_wait(&p->answer, "queue (to put)", 0, by);
    if (late != WEFT_OK) {
        weft__guard_take(&q->guard);
        if (!weft__list_empty(&p->node)) {
            if (q->home)
                weft__home_withdraw(q, q->rank, p->ticket);
            else
                weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_WITHDRAW, p->ticket, 0);
            weft__queue_flush(q);
        }
        weft__guard_drop(&q->guard);
        (void)weft__answer_wait(&p->answer, "queue (to withdraw)", WEFT__WAIT_STEADY, WEFT_FOREVER);
    }
    return outcome(q, p, late);
}

static void begin(weft_queue *q, weft__putting *p)
{
    weft__answer_init(&p->answer, q->name);
    p->result = WEFT_OK;
    p->home_gone = false;
    p->ticket = ++q->tickets;
    weft__list_push(&q->puts, &p->node);
}

static weft_err put_at_home(weft_queue *q, const void *data, size_t len, weft_deadline by)
{
    weft__letter *item = weft__queue_item(q, data, len, 0);
    if (!item)
        return weft__fail(WEFT_NOMEM, "put: queue %s: no memory for %zu bytes", q->name, len);
    weft__putting p;
    weft__guard_take(&q->guard);
    begin(q, &p);
    item->head.a = p.ticket;
    weft__home_offer(q, item);
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
    return await(q, &p, by);
}

static weft_err put_away(weft_queue *q, const void *data, size_t len, weft_deadline by)
{
    weft__putting p;
    weft__guard_take(&q->guard);
    bool gone = q->home_gone;
    if (!gone)
        begin(q, &p);
    weft__guard_drop(&q->guard);
    if (gone)
        return home_lost(q);
    weft__letter_head head = {
        .kind = WEFT__MAIL_QUEUE, .verb = WEFT__QUEUE_PUT, .id = q->id, .a = p.ticket};
    weft_err e = weft__mail_send(q->mail, WEFT__QUEUE_HOME, head, data, len);
    if (e == WEFT_OK)
        return await(q, &p, by);
    weft__guard_take(&q->guard);
    weft__list_remove(&p.node);
    weft__guard_drop(&q->guard);
    return weft__fail_in(e, "put: queue %s", q->name);
}

weft_err weft__queue_put(weft_queue *q, const void *data, size_t len, weft_deadline by)
{
    weft_err e = refuse(q, len);
    if (e != WEFT_OK)
        return e;
    return q->home ? put_at_home(q, data, len, by) : put_away(q, data, len, by);
}

void weft__queue_end(weft_queue *q)
{
    if (!(q->role & WEFT_PRODUCER))
        return;
    weft__guard_take(&q->guard);
    if (!q->put_end) {
        q->put_end = true;
        if (q->home)
            weft__home_end(q, q->rank);
        else if (!q->home_gone)
            weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_END, 0, 0);
        weft__queue_flush(q);
    }
    weft__guard_drop(&q->guard);
}
