/* Everything about a queue in this process that takes its guard: L1 to L5 of local.h. */
#include "sync/local.h"

#include <stdlib.h>

#include "port/err.h"

/* One that waits. On its stack; written by who serves it. */
typedef struct waiting {
    bool put;         /* for a free slot; or else for an item */
    bool in_place;    /* it wants the slot itself */
    const void *data; /* to put */
    void *buf;        /* to get into; `len` is its room, then the item's length */
    size_t len;
    void *slot;
    weft_err result;
} waiting;

/* Those who were served and are to be let go. */
typedef struct line {
    weft__wait *first, *last;
} line;

/* The slot of `e` behind those that are open. */
static size_t beyond(const weft__local *q, const weft__end *e)
{
    size_t at = e->at + e->open;
    return at < q->capacity ? at : at - q->capacity;
}

/* The slot of `e` behind the open ones is written or read: shown once all before it are. */
static void finish(weft__local *q, weft__end *e)
{
    if (e->open == 0)
        weft__end_shown(q, e);
    else
        e->open++;
}

static void append(weft__local *q, const waiting *w)
{
    weft__local_write(q, beyond(q, &q->put), w->data, w->len);
    finish(q, &q->put);
}

static void open_slot(weft__local *q, weft__end *e, waiting *w)
{
    size_t at = beyond(q, e);
    w->slot = weft__local_slot(q, at);
    w->len = q->lengths[at];
    q->lengths[at] = WEFT__LENGTH_OPEN;
    e->open++;
}

/* There is a free slot. */
static void fill(weft__local *q, waiting *w)
{
    if (w->in_place)
        open_slot(q, &q->put, w);
    else
        append(q, w);
}

/* There is an item. WEFT_TOOBIG: it stays. */
static weft_err pull(weft__local *q, waiting *w)
{
    if (w->in_place) {
        open_slot(q, &q->get, w);
        return WEFT_OK;
    }
    size_t at = beyond(q, &q->get), len = q->lengths[at];
    bool fits = len <= w->len;
    w->len = len;
    if (!fits)
        return WEFT_TOOBIG;
    weft__item_copy(w->buf, weft__local_slot(q, at), len);
    if (q->get.open > 0)
        q->lengths[at] = WEFT__LENGTH_DONE;
    finish(q, &q->get);
    return WEFT_OK;
}

/* The one that waits longest at that end, of those that wait. */
static weft__wait *longest(weft__local *q, bool put)
{
    weft__wait *x = weft__wait_first(&q->head);
    while (((waiting *)x->tag)->put != put)
        x = x->next;
    return x;
}

/* Take it out; it is let go later: L5. */
static void serve(weft__local *q, weft__wait *x, weft_err result, line *served)
{
    waiting *w = x->tag;
    w->result = result;
    --*(w->put ? &q->put.waiting : &q->get.waiting);
    weft__wait_take(&q->head, x);
    if (served->last)
        served->last->next = x;
    else
        served->first = x;
    served->last = x;
}

/* Nothing will come any more. */
static bool over(const weft__local *q)
{
    return q->ended && q->put.open == 0;
}

/* Serve whom there is something for now. L4 */
static void settle(weft__local *q, line *served)
{
    for (;;) {
        if (q->put.waiting > 0 && (q->ended || weft__local_room(q))) {
            weft__wait *x = longest(q, true);
            if (!q->ended)
                fill(q, x->tag);
            serve(q, x, q->ended ? WEFT_CLOSED : WEFT_OK, served);
        } else if (q->get.waiting > 0 && (weft__local_items(q) || over(q))) {
            weft__wait *x = longest(q, false);
            serve(q, x, weft__local_items(q) ? pull(q, x->tag) : WEFT_CLOSED, served);
        } else {
            return;
        }
    }
}

/* An item for which there is a slot, from hand to hand: into the buffer of the first that waits and has room
 * for it. Those before it learn that they have not. False: nobody takes it like that. */
static bool hand_over(weft__local *q, const waiting *w, line *served)
{
    while (q->get.waiting > 0 && q->put.open == 0) {
        weft__wait *x = longest(q, false);
        waiting *to = x->tag;
        if (to->in_place)
            return false;
        bool fits = w->len <= to->len;
        to->len = w->len;
        if (fits)
            weft__item_copy(to->buf, w->data, w->len);
        serve(q, x, fits ? WEFT_OK : WEFT_TOOBIG, served);
        if (fits) {
            q->handed++;
            return true;
        }
    }
    return false;
}

/* Put without a wait; or WEFT_FULL, nobody was served. Guard held. */
static weft_err put_now(weft__local *q, waiting *w, uintptr_t me, line *served)
{
    if (q->ended)
        return WEFT_CLOSED;
    if (w->in_place || weft__lane_elsewhere(&q->put.lane, me))
        weft__local_stop(q, me);
    if (q->put.waiting > 0 || !weft__local_room(q))
        return WEFT_FULL;
    if (!w->in_place && hand_over(q, w, served))
        return WEFT_OK;
    fill(q, w);
    if (q->get.waiting > 0)
        settle(q, served);
    else
        weft__local_came(q, &q->put, &q->get, me);
    return WEFT_OK;
}

/* Get without a wait; or WEFT_EMPTY, nobody was served. Guard held. */
static weft_err get_now(weft__local *q, waiting *w, uintptr_t me, line *served)
{
    if (w->in_place || weft__lane_elsewhere(&q->get.lane, me))
        weft__local_stop(q, me);
    if (!weft__local_items(q))
        return over(q) ? WEFT_CLOSED : WEFT_EMPTY;
    weft_err e = pull(q, w);
    if (q->put.waiting > 0)
        settle(q, served);
    else
        weft__local_came(q, &q->get, &q->put, me);
    return e;
}

/* Somebody gave up waiting. */
static void in_vain(weft_sync_head *head, void *count)
{
    (void)head;
    --*(uint32_t *)count;
}

/* Called with the guard held, returns without. */
static weft_err wait_turn(weft__local *q, waiting *w, weft_deadline by)
{
    uint32_t *count = w->put ? &q->put.waiting : &q->get.waiting;
    ++*count;
    weft_err e = weft__wait_in_or(&q->head, w->put ? "queue (to put)" : "queue (to get)", w, 0, by,
                                  in_vain, count);
    return e == WEFT_OK ? w->result : e;
}

/* What all of them do; `now` is put_now or get_now. After a wait the queue may be gone. */
static weft_err work(weft__local *q, waiting *w, weft_deadline by,
                     weft_err (*now)(weft__local *q, waiting *w, uintptr_t me, line *served))
{
    line served = {NULL, NULL};
    uintptr_t me = weft__thread_mark();
    weft__guard_take(weft__sync_guard(&q->head));
    weft_err e = now(q, w, me, &served);
    bool wait = e == WEFT_FULL || e == WEFT_EMPTY;
    if (wait && by.ns != INT64_MIN) {
        weft__local_stop(q, me); /* L3; whoever was in a lane may have changed it */
        e = now(q, w, me, &served);
        wait = e == WEFT_FULL || e == WEFT_EMPTY;
        if (wait)
            return wait_turn(q, w, by);
    }
    weft__guard_drop(weft__sync_guard(&q->head));
    weft__wait_let_all_go(served.first);
    if (wait)
        return weft__cancelled(weft__self()) ? WEFT_CANCELLED : WEFT_LATE;
    return e;
}

/* Say why `verb` did not succeed. */
static weft_err say(weft_err e, const char *verb, const char *name, const char *state)
{
    switch (e) {
    case WEFT_OK:
        return e;
    case WEFT_LATE:
        return weft__fail(e, "%s: queue %s: %s until the deadline", verb, name, state);
    case WEFT_CANCELLED:
        return weft__fail(e, "%s: queue %s: cancelled while it was %s", verb, name, state);
    case WEFT_CLOSED:
        return weft__fail(e, "%s: queue %s: it was ended%s", verb, name,
                          *state == 'e' ? ", nothing is left" : "");
    default:
        return weft__fail_in(e, "%s: queue %s", verb, name);
    }
}

weft_err weft__local_put(weft__local *q, const void *data, size_t len, weft_deadline by)
{
    const char *name = q->base.name;
    waiting w = {.put = true, .data = data, .len = len};
    if (len > q->item_size)
        return weft__fail(WEFT_TOOBIG, "put: queue %s: an item of %zu bytes; it may have %zu", name,
                          len, q->item_size);
    return say(work(q, &w, by, put_now), "put", name, "full");
}

weft_err weft__local_claim(weft__local *q, void **slot, weft_deadline by)
{
    const char *name = q->base.name;
    waiting w = {.put = true, .in_place = true};
    weft_err e = work(q, &w, by, put_now);
    if (e == WEFT_OK)
        *slot = w.slot;
    return say(e, "claim", name, "full");
}

weft_err weft__local_get(weft__local *q, void *buf, size_t cap, size_t *len, weft_deadline by)
{
    const char *name = q->base.name;
    waiting w = {.buf = buf, .len = cap};
    weft_err e = work(q, &w, by, get_now);
    if (e == WEFT_OK || e == WEFT_TOOBIG)
        *len = w.len;
    if (e == WEFT_TOOBIG)
        return weft__fail(e, "get: queue %s: the next item has %zu bytes, the buffer %zu", name,
                          w.len, cap);
    return say(e, "get", name, "empty");
}

weft_err weft__local_take(weft__local *q, void **slot, size_t *len, weft_deadline by)
{
    const char *name = q->base.name;
    waiting w = {.in_place = true};
    weft_err e = work(q, &w, by, get_now);
    if (e == WEFT_OK) {
        *slot = w.slot;
        *len = w.len;
    }
    return say(e, "take", name, "empty");
}

/* Which of the open slots of `e` this is. False: none. */
static bool is_open(const weft__local *q, const weft__end *e, const void *slot, size_t *at)
{
    uintptr_t offset = (uintptr_t)slot - (uintptr_t)q->slots;
    *at = offset / q->stride;
    if (offset % q->stride != 0 || *at >= q->capacity || q->lengths[*at] != WEFT__LENGTH_OPEN)
        return false;
    return (*at >= e->at ? *at - e->at : *at + (q->capacity - e->at)) < e->open;
}

/* An open slot of `e` has become `length`: it and what was ready behind it may be shown. */
static weft_err close_slot(weft__local *q, weft__end *e, void *slot, uint32_t length)
{
    line served = {NULL, NULL};
    size_t at;
    weft__guard_take(weft__sync_guard(&q->head));
    bool open = is_open(q, e, slot, &at);
    if (open)
        q->lengths[at] = length;
    while (e->open > 0 && q->lengths[e->at] != WEFT__LENGTH_OPEN) {
        weft__end_shown(q, e);
        e->open--;
    }
    if (q->put.waiting + q->get.waiting > 0)
        settle(q, &served);
    weft__guard_drop(weft__sync_guard(&q->head));
    weft__wait_let_all_go(served.first);
    return open ? WEFT_OK : WEFT_INVALID;
}

weft_err weft__local_commit(weft__local *q, void *slot, size_t len)
{
    const char *name = q->base.name;
    if (len > q->item_size)
        return weft__fail(WEFT_TOOBIG, "commit: queue %s: an item of %zu bytes; it may have %zu",
                          name, len, q->item_size);
    if (close_slot(q, &q->put, slot, (uint32_t)len) == WEFT_OK)
        return WEFT_OK;
    return weft__fail(WEFT_INVALID, "commit: queue %s: this is no slot that weft_claim gave", name);
}

weft_err weft__local_done(weft__local *q, void *slot)
{
    const char *name = q->base.name;
    if (close_slot(q, &q->get, slot, WEFT__LENGTH_DONE) == WEFT_OK)
        return WEFT_OK;
    return weft__fail(WEFT_INVALID, "done: queue %s: this is no slot that weft_take gave", name);
}

void weft__local_end(weft__local *q)
{
    line served = {NULL, NULL};
    weft__guard_take(weft__sync_guard(&q->head));
    if (!q->ended) {
        weft__local_stop(q, weft__thread_mark());
        q->ended = true;
        settle(q, &served);
    }
    weft__guard_drop(weft__sync_guard(&q->head));
    weft__wait_let_all_go(served.first);
}

uint64_t weft__local_close(weft__local *q, const char *where)
{
    weft__guard_take(weft__sync_guard(&q->head));
    weft__local_stop(q, weft__thread_mark());
    uint32_t inside = q->put.waiting + q->get.waiting;
    weft__guard_drop(weft__sync_guard(&q->head));
    if (inside > 0)
        weft__misuse(where, "queue %s: closed while %u wait in it", q->base.name, inside);
    uint64_t left = weft_atomic_load(&q->put.count, WEFT_RELAXED) -
                    weft_atomic_load(&q->get.count, WEFT_RELAXED) - q->get.open;
    free(q);
    return left;
}
