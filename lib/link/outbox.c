#include "link/outbox.h"

#include <string.h>

#include "link/frame.h"

/* Letters of others that a sender sends after its own, before it leaves the rest to serve(). */
enum { SHARE = 64 };

/* What is left of a letter. */
typedef struct rest {
    weft__letter_head head;
    const uint8_t *at;
    uint64_t left;
    bool begun; /* its first frame went */
} rest;

typedef struct queued {
    weft__list node;
    size_t size; /* of this block */
    rest rest;
    uint8_t data[];
} queued;

void weft__outbox_init(weft__outbox *o, weft__carrier *carrier, int peer)
{
    *o = (weft__outbox){.carrier = carrier, .peer = peer};
    weft__list_init(&o->letters);
}

/* The numbers of a carrier: nothing is ordered by them. */
static void count(weft__carrier *c, uint64_t letters)
{
    weft_atomic_fetch_add(&c->queued, letters, WEFT_RELAXED);
    weft_atomic_fetch_add(&c->copied, letters, WEFT_RELAXED);
}

static void uncount(weft__carrier *c, uint64_t letters)
{
    weft_atomic_fetch_sub(&c->queued, letters, WEFT_RELAXED);
}

static queued *copy_of(weft__carrier *c, const rest *r)
{
    size_t size = sizeof(queued) + r->left;
    queued *q = weft__block_get(&c->blocks, size);
    if (!q)
        return NULL;
    q->size = size;
    weft__list_init(&q->node);
    q->rest = *r;
    q->rest.at = q->data;
    if (r->left)
        memcpy(q->data, r->at, r->left);
    return q;
}

/* By the holder of busy: put a frame into the link. */
static weft_err send_frame(weft__outbox *o, uint32_t flags, const weft__letter_head *head,
                           const uint8_t *data, uint32_t len)
{
    weft__carrier *c = o->carrier;
    struct {
        weft__frame_head frame;
        weft__letter_head letter;
    } h = {.frame = {.sequence = o->sequence, .flags = flags}};
    uint32_t head_len = sizeof h.frame;
    if (head) {
        h.letter = *head;
        head_len = sizeof h;
    }
    weft_err e = c->ops->send(c->link, o->peer, &h, head_len, data, len);
    if (e == WEFT_OK)
        o->sequence++;
    return e;
}

/* By the holder of busy: send what is left of a letter, as far as there is room. */
static weft_err send_rest(weft__outbox *o, rest *r)
{
    if (o->cut) {
        weft_err e = send_frame(o, WEFT__FRAME_CUT, NULL, NULL, 0);
        if (e != WEFT_OK)
            return e;
        o->cut = false;
        uncount(o->carrier, 1);
    }
    while (!r->begun || r->left) {
        uint32_t room = o->carrier->max_frame - (uint32_t)sizeof(weft__frame_head);
        uint32_t flags = 0;
        if (!r->begun) {
            room -= (uint32_t)sizeof(weft__letter_head);
            flags = WEFT__FRAME_FIRST;
        }
        uint32_t n = r->left < room ? (uint32_t)r->left : room;
        if (n == r->left)
            flags |= WEFT__FRAME_LAST;
        weft_err e = send_frame(o, flags, r->begun ? NULL : &r->head, r->at, n);
        if (e != WEFT_OK)
            return e;
        r->begun = true;
        if (n > 0) /* an empty letter has no bytes to point to */
            r->at += n;
        r->left -= n;
    }
    return WEFT_OK;
}

/* B4; by the holder of busy, with the guard held, which it drops. */
static void drop_all(weft__outbox *o)
{
    uint64_t letters = 0, bytes = 0;
    weft__list dropped;
    weft__list_init(&dropped);
    for (weft__list *n; (n = weft__list_pop(&o->letters));)
        weft__list_push(&dropped, n);
    bool cut = o->cut;
    o->cut = false;
    o->busy = o->stalled = false;
    weft__guard_drop(&o->guard);
    for (weft__list *n; (n = weft__list_pop(&dropped)); letters++) {
        queued *q = weft__of(n, queued, node);
        bytes += q->rest.left;
        weft__block_put(&o->carrier->blocks, q, q->size);
    }
    uncount(o->carrier, letters + cut);
    weft_atomic_fetch_add(&o->carrier->dropped, letters, WEFT_RELAXED); /* a number */
    /* Without bytes it was a word between two parts of a protocol, which who left has no use for. */
    if (letters)
        weft__log_line(o->carrier->log, bytes > 0 ? WEFT_LOG_WARN : WEFT_LOG_INFO,
                       "mail: %llu letters (%llu bytes) to rank %d dropped: it is gone",
                       (unsigned long long)letters, (unsigned long long)bytes, o->peer);
}

/* By the holder of busy: give it back, in the state that `e` of the link means. */
static weft__box_state let_go(weft__outbox *o, weft_err e)
{
    weft__guard_take(&o->guard);
    if (o->closed) {
        drop_all(o);
        return WEFT__BOX_IDLE;
    }
    o->busy = false;
    o->stalled = e != WEFT_LOST; /* gone() of the link is on its way: it closes the box */
    if (e != WEFT_OK && e != WEFT_FULL && e != WEFT_NOMEM && e != WEFT_LOST)
        o->broken = e;
    weft__box_state s = o->broken         ? WEFT__BOX_BROKEN
                        : e == WEFT_FULL  ? WEFT__BOX_FULL
                        : e == WEFT_NOMEM ? WEFT__BOX_NOMEM
                        : e == WEFT_OK    ? WEFT__BOX_AGAIN
                                          : WEFT__BOX_IDLE;
    weft__guard_drop(&o->guard);
    return s;
}

/* By the holder of busy: what is to be sent next, *q or, if that is NULL, a cut. False: nothing, and
 * busy was given back. */
static bool front(weft__outbox *o, queued **q)
{
    weft__guard_take(&o->guard);
    if (o->closed) {
        drop_all(o);
        return false;
    }
    bool some = !weft__list_empty(&o->letters);
    *q = some ? weft__of(o->letters.next, queued, node) : NULL;
    some |= o->cut;
    o->busy = some;
    o->stalled &= some;
    weft__guard_drop(&o->guard);
    return some;
}

static void forget(weft__outbox *o, queued *q)
{
    weft__guard_take(&o->guard);
    weft__list_remove(&q->node);
    weft__guard_drop(&o->guard);
    weft__block_put(&o->carrier->blocks, q, q->size);
    uncount(o->carrier, 1);
}

/* By the holder of busy: send what is queued, at most `most` letters, and give busy back. */
static weft__box_state drain(weft__outbox *o, int most)
{
    queued *q;
    while (front(o, &q)) {
        rest none = {.begun = true};
        weft_err e = send_rest(o, q ? &q->rest : &none);
        if (e != WEFT_OK)
            return let_go(o, e);
        if (q)
            forget(o, q);
        if (--most <= 0)
            return let_go(o, WEFT_OK);
    }
    return WEFT__BOX_IDLE;
}

/* By the holder of busy: `r` could not be sent whole. Queue the rest before all others, B3. */
static weft_err keep(weft__outbox *o, rest *r, weft_err e, weft__box_state *state)
{
    queued *q = e == WEFT_FULL || (e == WEFT_NOMEM && r->begun) ? copy_of(o->carrier, r) : NULL;
    if (q) {
        count(o->carrier, 1);
        weft__guard_take(&o->guard);
        weft__list_push_front(&o->letters, &q->node);
        weft__guard_drop(&o->guard);
        *state = let_go(o, e);
        return WEFT_OK;
    }
    if (e == WEFT_FULL)
        e = weft__fail(WEFT_NOMEM, "mail: no memory to queue a letter of %llu bytes to rank %d",
                       (unsigned long long)r->head.len, o->peer);
    if (r->begun && e == WEFT_NOMEM) {
        o->cut = true;
        weft_atomic_fetch_add(&o->carrier->queued, 1, WEFT_RELAXED); /* a number */
    }
    *state = let_go(o, r->begun || e == WEFT_NOMEM || e == WEFT_LOST ? e : WEFT_OK);
    return e;
}

/* Queue a copy behind the others. */
static weft_err queue(weft__outbox *o, const rest *r, weft__box_state *state)
{
    queued *q = copy_of(o->carrier, r);
    if (!q)
        return weft__fail(WEFT_NOMEM, "mail: no memory to queue a letter of %llu bytes to rank %d",
                          (unsigned long long)r->left, o->peer);
    weft__guard_take(&o->guard);
    if (o->closed) {
        weft__guard_drop(&o->guard);
        weft__block_put(&o->carrier->blocks, q, q->size);
        return WEFT_LOST;
    }
    count(o->carrier, 1);
    weft__list_push(&o->letters, &q->node);
    bool mine = !o->busy && !o->stalled;
    o->busy |= mine;
    weft__guard_drop(&o->guard);
    if (mine)
        *state = drain(o, SHARE);
    return WEFT_OK;
}

weft_err weft__outbox_send(weft__outbox *o, const weft__letter_head *head, const void *data,
                           weft__box_state *state)
{
    rest r = {.head = *head, .at = data, .left = head->len};
    *state = WEFT__BOX_IDLE;
    weft__guard_take(&o->guard);
    if (o->closed) {
        weft__guard_drop(&o->guard);
        return WEFT_LOST;
    }
    bool mine = !o->busy && !o->stalled;
    o->busy |= mine;
    weft__guard_drop(&o->guard);
    if (!mine)
        return queue(o, &r, state);
    weft_err e = send_rest(o, &r);
    if (e != WEFT_OK)
        return keep(o, &r, e, state);
    *state = drain(o, SHARE);
    return WEFT_OK;
}

weft__box_state weft__outbox_resume(weft__outbox *o, int most)
{
    weft__guard_take(&o->guard);
    bool mine = o->stalled && !o->busy && !o->closed && !o->broken;
    o->busy |= mine;
    weft_err broken = o->broken;
    weft__guard_drop(&o->guard);
    if (broken)
        return WEFT__BOX_BROKEN;
    return mine ? drain(o, most) : WEFT__BOX_IDLE;
}

void weft__outbox_close(weft__outbox *o)
{
    weft__guard_take(&o->guard);
    o->closed = true;
    if (o->busy)
        weft__guard_drop(&o->guard); /* B4: the holder drops them */
    else
        drop_all(o);
}
