/* The home's side: the store, the offers that wait for room in it, and who wants what. */
#include <stdlib.h>

#include "port/err.h"
#include "share/stream.h"

weft_err weft__home_create(weft_queue *q)
{
    weft__home *h = calloc(1, sizeof *h);
    weft__peer *peers = calloc((size_t)q->size, sizeof *peers);
    if (!h || !peers) {
        free(h);
        free(peers);
        return weft__fail(WEFT_NOMEM, "queue %s: no memory for its home", q->name);
    }
    weft__list_init(&h->store);
    weft__list_init(&h->offers);
    weft__list_init(&h->turn);
    h->lost = -1;
    h->peers = peers;
    for (int i = 0; i < q->size; i++)
        weft__list_init(&peers[i].turn);
    q->home = h;
    return WEFT_OK;
}

void weft__home_destroy(weft_queue *q)
{
    if (!q->home)
        return;
    weft__queue_free_all(q, &q->home->store);
    weft__queue_free_all(q, &q->home->offers);
    free(q->home->peers);
    free(q->home);
    q->home = NULL;
}

static void tell_putter(weft_queue *q, int from, uint64_t ticket, weft_err result)
{
    if (from == q->rank)
        weft__put_answer(q, ticket, result);
    else
        weft__queue_note(q, from, WEFT__QUEUE_ANSWER, ticket, (uint64_t)result);
}

static void store(weft__home *h, weft__letter *item)
{
    weft__list_push(&h->store, &item->node);
    h->items++;
    h->bytes += item->head.len;
}

static weft__letter *unstore(weft__home *h)
{
    weft__letter *item = weft__of(weft__list_pop(&h->store), weft__letter, node);
    h->items--;
    h->bytes -= item->head.len;
    return item;
}

static bool has_room(const weft_queue *q, const weft__letter *item)
{
    const weft__home *h = q->home;
    return h->items < q->max_items &&
           (h->bytes <= q->max_bytes && item->head.len <= q->max_bytes - h->bytes);
}

/* Admit what waits, as long as there is room (Q2). */
static void admit(weft_queue *q)
{
    weft__home *h = q->home;
    while (!weft__list_empty(&h->offers)) {
        weft__letter *item = weft__of(h->offers.next, weft__letter, node);
        if (!has_room(q, item))
            return;
        weft__list_remove(&item->node);
        tell_putter(q, item->from, item->head.a, WEFT_OK);
        store(h, item);
    }
}

static bool has_demand(const weft_queue *q, int rank)
{
    return rank == q->rank ? q->waiting > 0 : q->home->peers[rank].demand > 0;
}

static void queue_up(weft_queue *q, int rank)
{
    weft__peer *p = &q->home->peers[rank];
    if (has_demand(q, rank) && weft__list_empty(&p->turn))
        weft__list_push(&q->home->turn, &p->turn);
}

/* The next to be served, or -1. */
static int next_turn(weft_queue *q)
{
    for (weft__list *l; (l = weft__list_pop(&q->home->turn)) != NULL;) {
        int rank = (int)(weft__of(l, weft__peer, turn) - q->home->peers);
        if (has_demand(q, rank))
            return rank;
    }
    return -1;
}

static void deliver(weft_queue *q, int rank, weft__letter *item)
{
    weft__peer *p = &q->home->peers[rank];
    p->sent++;
    if (rank == q->rank) {
        weft__shelf_add(q, item);
        return;
    }
    p->demand--;
    weft__queue_post(q, rank, WEFT__QUEUE_ITEM, item);
}

/* Whether items that were sent may still come back; asks those that have them. */
static bool outstanding(weft_queue *q)
{
    bool some = false;
    for (int i = 0; i < q->size; i++) {
        weft__peer *p = &q->home->peers[i];
        if (p->sent == p->taken || p->gone)
            continue;
        some = true;
        if (i != q->rank && !p->closed && !p->draining) {
            p->draining = true;
            weft__queue_note(q, i, WEFT__QUEUE_DRAIN, 0, 0);
        }
    }
    return some;
}

/* The end, once it has come (Q3). */
static void check_end(weft_queue *q)
{
    weft__home *h = q->home;
    if (h->told || !h->open || h->producing > 0 || h->items > 0 || !weft__list_empty(&h->offers) ||
        outstanding(q))
        return;
    h->told = true;
    weft_err e = h->lost < 0 ? WEFT_CLOSED : WEFT_LOST;
    int about = h->lost < 0 ? q->rank : h->lost;
    for (int i = 0; i < q->size; i++)
        if (i != q->rank && (h->peers[i].role & WEFT_CONSUMER) && !h->peers[i].closed)
            weft__queue_note(q, i, WEFT__QUEUE_ENDED, (uint64_t)about, (uint64_t)e);
    weft__shelf_end(q, e, about);
}

/* Nobody takes anything any more: whoever waits to put must know. */
static void refuse_offers(weft_queue *q)
{
    for (weft__list *l; (l = weft__list_pop(&q->home->offers)) != NULL;) {
        weft__letter *item = weft__of(l, weft__letter, node);
        tell_putter(q, item->from, item->head.a, q->home->lost < 0 ? WEFT_CLOSED : WEFT_LOST);
        weft__queue_free(q, item);
    }
}

/* Bring store, offers and demand together (Q2). */
static void serve(weft_queue *q)
{
    weft__home *h = q->home;
    if (h->consuming == 0)
        refuse_offers(q);
    for (;;) {
        admit(q);
        int rank = h->items > 0 ? next_turn(q) : -1;
        if (rank < 0)
            break;
        deliver(q, rank, unstore(h));
        queue_up(q, rank);
    }
    check_end(q);
}

void weft__home_offer(weft_queue *q, weft__letter *item)
{
    weft__list_push(&q->home->offers, &item->node);
    serve(q);
}

void weft__home_withdraw(weft_queue *q, int from, uint64_t ticket)
{
    weft__list_each (it, &q->home->offers) {
        weft__letter *item = weft__of(it, weft__letter, node);
        if (item->from == from && item->head.a == ticket) {
            weft__list_remove(it);
            weft__queue_free(q, item);
            tell_putter(q, from, ticket, WEFT_STALE);
            serve(q); /* it may have stood before a shorter one */
            return;
        }
    }
}

void weft__home_end(weft_queue *q, int from)
{
    weft__peer *p = &q->home->peers[from];
    if (p->ended || !(p->role & WEFT_PRODUCER))
        return;
    p->ended = true;
    q->home->producing--;
    check_end(q);
}

weft__letter *weft__home_first(weft_queue *q)
{
    return q->home->items > 0 ? weft__of(q->home->store.next, weft__letter, node) : NULL;
}

weft__letter *weft__home_take(weft_queue *q)
{
    weft__letter *item = unstore(q->home);
    serve(q);
    return item;
}

void weft__home_keep(weft_queue *q)
{
    deliver(q, q->rank, unstore(q->home));
    serve(q);
}

void weft__home_wait(weft_queue *q)
{
    queue_up(q, q->rank);
}

void weft__home_taken(weft_queue *q, int from, uint64_t taken)
{
    q->home->peers[from].taken = taken;
    check_end(q);
}

void weft__home_want(weft_queue *q, int from, uint64_t more)
{
    q->home->peers[from].demand += more;
    queue_up(q, from);
    serve(q);
}

void weft__home_close(weft_queue *q, int from)
{
    weft__home *h = q->home;
    weft__peer *p = &h->peers[from];
    if (p->closed)
        return;
    p->closed = true;
    p->demand = 0;
    weft__list_remove(&p->turn);
    if (p->role & WEFT_CONSUMER)
        h->consuming--;
    weft__home_end(q, from);
    serve(q);
}

void weft__home_return(weft_queue *q, weft__letter *item)
{
    q->home->peers[item->from].taken++;
    weft__list_push_front(&q->home->store, &item->node);
    q->home->items++;
    q->home->bytes += item->head.len;
    serve(q);
}

/* What a lost peer offered was not taken in. */
static void drop_offers(weft_queue *q, int from)
{
    weft__list_each (it, &q->home->offers) {
        weft__letter *item = weft__of(it, weft__letter, node);
        if (item->from == from) {
            weft__list_remove(it);
            free(item);
        }
    }
}

void weft__home_leave(weft_queue *q, int from, bool lost)
{
    weft__home *h = q->home;
    weft__peer *p = &h->peers[from];
    if (p->gone)
        return;
    p->gone = true;
    if (!h->open)
        return;
    if (lost) {
        uint64_t items = p->sent - p->taken;
        if (h->lost < 0 && ((p->role & WEFT_PRODUCER && !p->ended) || items > 0))
            h->lost = from;
        if (items > 0)
            weft__log_line(weft__team_log(q->team), WEFT_LOG_WARN,
                           "queue %s: rank %d died or left with up to %llu items that it had asked "
                           "for",
                           q->name, from, (unsigned long long)items);
        drop_offers(q, from);
    }
    weft__home_close(q, from);
    h->present--;
    check_end(q);
    if (h->present == 0 && h->closer)
        weft__answer_give(h->closer);
}

void weft__home_open(weft_queue *q, const weft_role *roles)
{
    weft__home *h = q->home;
    h->open = true;
    h->present = q->size - 1;
    for (int i = 0; i < q->size; i++) {
        weft__peer *p = &h->peers[i];
        p->role = roles[i];
        h->producing += (p->role & WEFT_PRODUCER) != 0;
        h->consuming += (p->role & WEFT_CONSUMER) != 0;
    }
    /* Some may be gone already: while the opening went on, or even before the queue was registered. */
    for (int i = 0; i < q->size; i++)
        if (h->peers[i].gone ||
            (i != q->rank && weft__mail_state(q->mail, i) > WEFT__RANK_JOINED)) {
            h->peers[i].gone = false;
            weft__home_leave(q, i, true);
        }
}
