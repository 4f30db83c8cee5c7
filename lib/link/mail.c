#include "link/mail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/inbox.h"
#include "link/outbox.h"
#include "port/clock.h"
#include "port/err.h"

enum {
    WORDS = WEFT__RANKS_MAX / 64,
    RESUME = 64,            /* letters to one peer that were queued, in one serve */
    NOMEM_RETRY = 10000000, /* ns until a link that had no memory is tried again */
    WHY_MAX = 160
};

typedef struct peer {
    weft__outbox out;
    weft__inbox in;              /* serve()'s */
    char why[WHY_MAX];           /* written by serve() before `state` is LOST */
    WEFT_ATOMIC(uint32_t) state; /* a weft__rank_state; written by serve() */
} peer;

typedef struct handler {
    weft__mail_fn letter;
    weft__gone_fn gone;
    void *ctx;
} handler;

struct weft__mail {
    int rank, size;
    weft__log *log;
    weft__link_host host;
    weft__carrier carrier;
    void (*kick)(void *ctx);
    void *kick_ctx;
    handler handlers[WEFT__MAIL_KINDS];
    /* 1: serve() has something to do that the link does not know of. Set by anyone, cleared by it. */
    WEFT_ATOMIC(uint32_t) ready;
    /* A bit for each peer whose box is stalled. Set by senders and serve(), cleared by serve(). */
    WEFT_ATOMIC(uint64_t) stalled[WORDS];
    int64_t retry; /* serve()'s: when to try again where memory was short */
    WEFT_ATOMIC(uint64_t) ignored;
    weft__guard self_guard;
    weft__list self; /* under self_guard: letters from this rank to itself */
    peer *peers;
};

/* The host of the link. */

static void hear_log(void *ctx, int level, const char *format, ...)
{
    weft__mail *m = ctx;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    weft__log_line(m->log, (weft_level)level, "%s", line);
}

static void hear_kick(void *ctx)
{
    weft__mail *m = ctx;
    if (m->kick)
        m->kick(m->kick_ctx);
}

/* `i` is gone: tell all, once. By serve(). */
static void end_peer(weft__mail *m, int i, bool lost, const char *why)
{
    peer *p = &m->peers[i];
    if (weft_atomic_load(&p->state, WEFT_RELAXED) != WEFT__RANK_JOINED) /* own */
        return;
    if (weft__inbox_clear(&p->in) && !lost) {
        lost = true;
        why = "it left in the middle of a letter";
    }
    if (lost)
        snprintf(p->why, sizeof p->why, "%s", why);
    /* pairs with weft__mail_state and weft__mail_why: the reason before the state */
    weft_atomic_store(&p->state, lost ? WEFT__RANK_LOST : WEFT__RANK_LEFT, WEFT_RELEASE);
    weft__outbox_close(&p->out);
    for (int k = 1; k < WEFT__MAIL_KINDS; k++)
        if (m->handlers[k].gone)
            m->handlers[k].gone(m->handlers[k].ctx, i);
}

static void hear_gone(void *ctx, int i, bool lost, const char *why)
{
    weft__mail *m = ctx;
    if (i >= 0 && i < m->size && i != m->rank)
        end_peer(m, i, lost, why);
}

static void deliver(weft__mail *m, weft__letter *l)
{
    const handler *h = &m->handlers[l->head.kind];
    if (h->letter) {
        h->letter(h->ctx, l);
        return;
    }
    weft_atomic_fetch_add(&m->ignored, 1, WEFT_RELAXED); /* a number */
    weft__log_line(m->log, WEFT_LOG_WARN, "mail: a letter of kind %u from rank %d: no handler",
                   l->head.kind, l->from);
    weft__mail_free(m, l);
}

static void hear_frame(void *ctx, int i, const void *data, uint32_t len)
{
    weft__mail *m = ctx;
    if (i < 0 || i >= m->size || i == m->rank ||
        weft_atomic_load(&m->peers[i].state, WEFT_RELAXED) != WEFT__RANK_JOINED) { /* own */
        weft_atomic_fetch_add(&m->ignored, 1, WEFT_RELAXED);                       /* a number */
        return;
    }
    weft__letter *letter;
    const char *why;
    weft_err e = weft__inbox_take(&m->peers[i].in, i, data, len, &letter, &why);
    if (e != WEFT_OK) {
        weft__log_line(m->log, WEFT_LOG_ERROR, "mail: rank %d is given up: %s", i, why);
        end_peer(m, i, true, why);
    } else if (letter) {
        deliver(m, letter);
    }
}

/* Life */

weft_err weft__mail_create(weft__mail **out, int rank, int size, weft__log *log)
{
    if (size < 1 || size > WEFT__RANKS_MAX || rank < 0 || rank >= size)
        return weft__fail(WEFT_INVALID, "mail: rank %d of %d, at most %d are possible", rank, size,
                          WEFT__RANKS_MAX);
    weft__mail *m = calloc(1, sizeof *m);
    peer *peers = calloc((size_t)size, sizeof *peers);
    if (!m || !peers) {
        free(m);
        free(peers);
        return weft__fail(WEFT_NOMEM, "mail: no memory for %d peers", size);
    }
    m->rank = rank;
    m->size = size;
    m->log = log;
    m->host = (weft__link_host){m, weft__fail, hear_log, hear_frame, hear_gone, hear_kick};
    m->carrier.log = log;
    m->retry = INT64_MAX;
    m->peers = peers;
    weft__list_init(&m->self);
    for (int i = 0; i < size; i++) {
        weft__outbox_init(&peers[i].out, &m->carrier, i);
        peers[i].in.blocks = &m->carrier.blocks;
        weft_atomic_store(&peers[i].state, WEFT__RANK_JOINED, WEFT_RELAXED); /* not shared yet */
    }
    *out = m;
    return WEFT_OK;
}

const weft__link_host *weft__mail_host(weft__mail *m)
{
    return &m->host;
}

void weft__mail_use(weft__mail *m, const weft__link_ops *ops, weft__link *link,
                    void (*kick)(void *ctx), void *kick_ctx)
{
    m->carrier.ops = ops;
    m->carrier.link = link;
    m->carrier.max_frame = ops->max_frame(link);
    m->kick = kick;
    m->kick_ctx = kick_ctx;
}

void weft__mail_on_kick(weft__mail *m, void (*kick)(void *ctx), void *ctx)
{
    m->kick = kick;
    m->kick_ctx = ctx;
}

void weft__mail_handle(weft__mail *m, weft__mail_kind kind, weft__mail_fn letter,
                       weft__gone_fn gone, void *ctx)
{
    m->handlers[kind] = (handler){letter, gone, ctx};
}

void weft__mail_destroy(weft__mail **mail)
{
    weft__mail *m = *mail;
    if (!m)
        return;
    *mail = NULL;
    for (int i = 0; i < m->size; i++) {
        weft__outbox_close(&m->peers[i].out);
        weft__inbox_clear(&m->peers[i].in);
    }
    if (m->carrier.link)
        m->carrier.ops->close(m->carrier.link);
    for (weft__list *n; (n = weft__list_pop(&m->self));)
        weft__mail_free(m, weft__of(n, weft__letter, node));
    weft__blocks_fini(&m->carrier.blocks);
    free(m->peers);
    free(m);
}

/* Sending */

/* Have serve() run though the link may have nothing. */
static void call_serve(weft__mail *m)
{
    /* pairs with weft__mail_serve: the letter or the bit before it. One kick is enough. */
    if (!weft_atomic_exchange(&m->ready, 1, WEFT_SEQ_CST))
        hear_kick(m);
}

static void mark_stalled(weft__mail *m, int i)
{
    /* pairs with resume_stalled */
    weft_atomic_fetch_or(&m->stalled[i / 64], UINT64_C(1) << (i % 64), WEFT_SEQ_CST);
}

static weft_err send_to_self(weft__mail *m, const weft__letter_head *head, const void *data)
{
    weft__letter *l = weft__block_get(&m->carrier.blocks, sizeof *l + head->len);
    if (!l)
        return weft__fail(WEFT_NOMEM, "mail: no memory for a letter of %llu bytes",
                          (unsigned long long)head->len);
    weft__list_init(&l->node);
    l->from = m->rank;
    l->head = *head;
    if (head->len)
        memcpy(l->data, data, head->len);
    weft_atomic_fetch_add(&m->carrier.queued, 1, WEFT_RELAXED); /* a number */
    weft__guard_take(&m->self_guard);
    weft__list_push(&m->self, &l->node);
    weft__guard_drop(&m->self_guard);
    call_serve(m);
    return WEFT_OK;
}

static weft_err say_lost(weft__mail *m, int i)
{
    switch (weft__mail_state(m, i)) {
    case WEFT__RANK_LEFT:
        return weft__fail(WEFT_LOST, "rank %d left", i);
    case WEFT__RANK_LOST:
        return weft__fail(WEFT_LOST, "rank %d died: %s", i, weft__mail_why(m, i));
    default:
        return weft__fail(WEFT_LOST, "rank %d is gone", i);
    }
}

weft_err weft__mail_send(weft__mail *m, int i, weft__letter_head head, const void *data, size_t len)
{
    if (i < 0 || i >= m->size || head.kind == 0 || head.kind >= WEFT__MAIL_KINDS)
        return weft__fail(WEFT_INVALID, "mail: kind %u to rank %d of %d", head.kind, i, m->size);
    head.len = len;
    if (i == m->rank)
        return send_to_self(m, &head, data);
    weft__box_state state;
    weft_err e = weft__outbox_send(&m->peers[i].out, &head, data, &state);
    if (state != WEFT__BOX_IDLE) {
        mark_stalled(m, i);
        call_serve(m);
    }
    return e == WEFT_LOST ? say_lost(m, i) : e;
}

void weft__mail_free(weft__mail *m, weft__letter *l)
{
    if (l)
        weft__block_put(&m->carrier.blocks, l, sizeof *l + l->head.len);
}

weft__blocks *weft__mail_blocks(weft__mail *m)
{
    return &m->carrier.blocks;
}

weft__rank_state weft__mail_state(weft__mail *m, int i)
{
    /* pairs with end_peer */
    return (weft__rank_state)weft_atomic_load(&m->peers[i].state, WEFT_ACQUIRE);
}

const char *weft__mail_why(weft__mail *m, int i)
{
    return weft__mail_state(m, i) == WEFT__RANK_LOST ? m->peers[i].why : "";
}

/* Serving */

static void resume(weft__mail *m, int i)
{
    switch (weft__outbox_resume(&m->peers[i].out, RESUME)) {
    case WEFT__BOX_IDLE:
        return;
    case WEFT__BOX_FULL:
        mark_stalled(m, i);
        return;
    case WEFT__BOX_AGAIN:
        mark_stalled(m, i);
        weft_atomic_store(&m->ready, 1, WEFT_SEQ_CST); /* pairs with weft__mail_look */
        return;
    case WEFT__BOX_NOMEM:
        mark_stalled(m, i);
        m->retry = weft__clock_ns() + NOMEM_RETRY;
        return;
    case WEFT__BOX_BROKEN:
        end_peer(m, i, true, "the link refused to go on in the middle of a letter");
        return;
    }
}

static void resume_stalled(weft__mail *m)
{
    m->retry = INT64_MAX;
    for (int w = 0; w <= (m->size - 1) / 64; w++) {
        if (!weft_atomic_load(&m->stalled[w], WEFT_RELAXED)) /* set later: `ready` comes after it */
            continue;
        /* pairs with mark_stalled */
        uint64_t bits = weft_atomic_exchange(&m->stalled[w], 0, WEFT_SEQ_CST);
        for (; bits; bits &= bits - 1)
            resume(m, w * 64 + __builtin_ctzll(bits));
    }
}

/* Deliver what this rank had sent to itself when it was called. */
static void deliver_self(weft__mail *m)
{
    weft__list now;
    weft__list_init(&now);
    weft__guard_take(&m->self_guard);
    for (weft__list *n; (n = weft__list_pop(&m->self));)
        weft__list_push(&now, n);
    weft__guard_drop(&m->self_guard);
    for (weft__list *n; (n = weft__list_pop(&now));) {
        deliver(m, weft__of(n, weft__letter, node));
        weft_atomic_fetch_sub(&m->carrier.queued, 1, WEFT_RELAXED); /* a number */
    }
}

bool weft__mail_look(void *mail)
{
    weft__mail *m = mail;
    /* pairs with call_serve */
    return weft_atomic_load(&m->ready, WEFT_RELAXED) || m->carrier.ops->look(m->carrier.link);
}

void weft__mail_serve(void *mail)
{
    weft__mail *m = mail;
    weft_atomic_exchange(&m->ready, 0, WEFT_SEQ_CST); /* pairs with call_serve */
    m->carrier.ops->serve(m->carrier.link);
    resume_stalled(m);
    deliver_self(m);
}

bool weft__mail_arm(void *mail)
{
    weft__mail *m = mail;
    /* pairs with call_serve, which kicks if this saw nothing */
    if (weft_atomic_load(&m->ready, WEFT_SEQ_CST))
        return false;
    return m->carrier.ops->arm(m->carrier.link);
}

void weft__mail_disarm(void *mail)
{
    weft__mail *m = mail;
    m->carrier.ops->disarm(m->carrier.link);
}

int64_t weft__mail_due(void *mail)
{
    weft__mail *m = mail;
    int64_t due = m->carrier.ops->due(m->carrier.link);
    return due < m->retry ? due : m->retry;
}

int weft__mail_fd(weft__mail *m)
{
    return m->carrier.ops->fd(m->carrier.link);
}

weft__mail_counts weft__mail_count(weft__mail *m)
{
    /* numbers, ordered by nothing */
    return (weft__mail_counts){.queued = weft_atomic_load(&m->carrier.queued, WEFT_RELAXED),
                               .copied = weft_atomic_load(&m->carrier.copied, WEFT_RELAXED),
                               .dropped = weft_atomic_load(&m->carrier.dropped, WEFT_RELAXED),
                               .ignored = weft_atomic_load(&m->ignored, WEFT_RELAXED)};
}

bool weft__mail_flushed(weft__mail *m)
{
    return weft__mail_count(m).queued == 0 && m->carrier.ops->flushed(m->carrier.link);
}
