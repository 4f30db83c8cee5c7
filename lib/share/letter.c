/* What comes in for a queue: checked here, then handed to the side that it is for. A peer that breaks
 * the protocol is logged and not obeyed. */
#include <stdlib.h>

#include "port/err.h"
#include "share/stream.h"

static void odd(weft_queue *q, const weft__letter *l, const char *what)
{
    weft__log_line(weft__team_log(q->team), WEFT_LOG_WARN,
                   "queue %s: rank %d sent %s (verb %u); it is ignored", q->name, l->from, what,
                   l->head.verb);
}

static bool take_put(weft_queue *q, weft__letter *l)
{
    const weft__peer *p = &q->home->peers[l->from];
    bool allowed = (p->role & WEFT_PRODUCER) && !p->ended && !p->gone;
    if (allowed && l->head.len <= q->max_bytes) {
        weft__home_offer(q, l);
        return true;
    }
    odd(q, l, allowed ? "an item that is too long" : "an item although it does not produce");
    if (!p->gone)
        weft__queue_note(q, l->from, WEFT__QUEUE_ANSWER, l->head.a, WEFT_INVALID);
    return false;
}

static void take_want(weft_queue *q, const weft__letter *l)
{
    const weft__peer *p = &q->home->peers[l->from];
    uint64_t more = l->head.a, taken = l->head.b;
    if (!(p->role & WEFT_CONSUMER) || more > UINT32_MAX || p->demand > UINT32_MAX ||
        taken > p->sent || taken < p->taken) {
        odd(q, l, "a demand that cannot be");
        return;
    }
    if (p->closed || p->gone)
        return;
    weft__home_want(q, l->from, more);
    weft__home_taken(q, l->from, taken);
}

static void take_close(weft_queue *q, const weft__letter *l)
{
    if (l->head.a != 0) {
        weft__home_leave(q, l->from, true);
        return;
    }
    weft__home_close(q, l->from);
    weft__queue_note(q, l->from, WEFT__QUEUE_CLOSED, 0, 0);
}

static bool take_return(weft_queue *q, weft__letter *l)
{
    const weft__peer *p = &q->home->peers[l->from];
    if (!p->closed || p->gone || p->taken == p->sent) {
        odd(q, l, "an item back that it cannot have");
        return false;
    }
    weft__home_return(q, l);
    return true;
}

static void take_bye(weft_queue *q, const weft__letter *l)
{
    weft__peer *p = &q->home->peers[l->from];
    if (!p->closed) {
        odd(q, l, "a goodbye before it closed");
        return;
    }
    p->taken = p->sent;
    weft__home_leave(q, l->from, false);
}

/* At home. Returns whether the letter was kept. */
static bool at_home(weft_queue *q, weft__letter *l)
{
    bool giving_up = l->head.verb == WEFT__QUEUE_CLOSE && l->head.a != 0;
    if (!q->home->open && !giving_up) {
        odd(q, l, "something before the opening");
        return false;
    }
    switch (l->head.verb) {
    case WEFT__QUEUE_PUT:
        return take_put(q, l);
    case WEFT__QUEUE_WITHDRAW:
        weft__home_withdraw(q, l->from, l->head.a);
        return false;
    case WEFT__QUEUE_WANT:
        take_want(q, l);
        return false;
    case WEFT__QUEUE_END:
        weft__home_end(q, l->from);
        return false;
    case WEFT__QUEUE_CLOSE:
        take_close(q, l);
        return false;
    case WEFT__QUEUE_RETURN:
        return take_return(q, l);
    case WEFT__QUEUE_BYE:
        take_bye(q, l);
        return false;
    default:
        odd(q, l, "nothing that is for the home");
        return false;
    }
}

static void take_end(weft_queue *q, const weft__letter *l)
{
    uint64_t about = l->head.a, e = l->head.b;
    if (about >= (uint64_t)q->size || (e != WEFT_CLOSED && e != WEFT_LOST))
        odd(q, l, "an end that cannot be");
    else
        weft__shelf_end(q, (weft_err)e, (int)about);
}

static void take_answer(weft_queue *q, const weft__letter *l)
{
    uint64_t result = l->head.b;
    weft__put_answer(q, l->head.a, result <= WEFT__ERR_LAST ? (weft_err)result : WEFT_INVALID);
}

/* Elsewhere, from the home. Returns whether the letter was kept. */
static bool from_home(weft_queue *q, weft__letter *l)
{
    switch (l->head.verb) {
    case WEFT__QUEUE_ANSWER:
        take_answer(q, l);
        return false;
    case WEFT__QUEUE_ITEM:
        weft__shelf_add(q, l);
        return true;
    case WEFT__QUEUE_DRAIN:
        weft__shelf_drain(q);
        return false;
    case WEFT__QUEUE_ENDED:
        take_end(q, l);
        return false;
    case WEFT__QUEUE_CLOSED:
        if (q->closer)
            weft__answer_give(q->closer);
        q->closer = NULL;
        return false;
    default:
        odd(q, l, "nothing that is for others than the home");
        return false;
    }
}

void weft__queue_letter(weft_queue *q, weft__letter *l)
{
    bool kept = false;
    weft__guard_take(&q->guard);
    if (l->from == q->rank)
        odd(q, l, "something to itself");
    else if (q->home)
        kept = at_home(q, l);
    else if (l->from == WEFT__QUEUE_HOME)
        kept = from_home(q, l);
    else
        odd(q, l, "something although it is not the home");
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
    if (!kept)
        weft__queue_free(q, l);
}

void weft__queue_gone(weft_queue *q, int peer)
{
    weft__guard_take(&q->guard);
    if (q->home) {
        weft__home_leave(q, peer, true);
    } else if (peer == WEFT__QUEUE_HOME) {
        q->home_gone = true;
        weft__shelf_end(q, WEFT_LOST, peer);
        weft__put_fail_all(q, WEFT_LOST);
        if (q->closer)
            weft__answer_give(q->closer);
        q->closer = NULL;
    }
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
}
