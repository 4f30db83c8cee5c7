#include "team/vigil.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/clock.h"
#include "port/err.h"
#include "port/poller.h"

/* How long a dead peer's last frames, and a goodbye, may still be on their way. */
static const int64_t lost_grace_ns = 50000000, left_grace_ns = 1000000000;
/* A link that others keep busy is never quiet: then this long at most. */
static const int64_t busy_grace_ns = 200000000;

typedef struct peer {
    /* Set by serve(), read by senders: it was reported. */
    WEFT_ATOMIC(uint32_t) gone;
    weft__rank_state ending; /* serve()'s: what the segment says, once it says LEFT or LOST */
    int64_t due;             /* serve()'s: when to report it */
} peer;

struct weft__link {
    const weft__link_ops *ops;
    weft__link *inner;
    weft__link_host own; /* what `inner` talks to */
    const weft__link_host *host;
    weft__seg *seg;
    int rank, size;
    weft__poller both; /* readable when the link or the bell of the segment is */
    bool unseen;       /* states have not been looked at yet */
    int64_t due;       /* the first of the peers' */
    peer *peers;
};

static void pass_frame(void *ctx, int from, const void *data, uint32_t len)
{
    weft__link *l = ctx;
    if (!weft_atomic_load(&l->peers[from].gone, WEFT_RELAXED)) /* own */
        l->host->frame(l->host->ctx, from, data, len);
}

static void pass_gone(void *ctx, int who, bool lost, const char *why)
{
    weft__link *l = ctx;
    peer *p = &l->peers[who];
    if (weft_atomic_load(&p->gone, WEFT_RELAXED)) /* own */
        return;
    weft_atomic_store(&p->gone, 1, WEFT_RELAXED); /* pairs with vigil_send: a hint */
    l->host->gone(l->host->ctx, who, lost, why);
}

static void pass_log(void *ctx, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void pass_log(void *ctx, int level, const char *format, ...)
{
    weft__link *l = ctx;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    l->host->log(l->host->ctx, level, "%s", line);
}

static void pass_kick(void *ctx)
{
    weft__link *l = ctx;
    l->host->kick(l->host->ctx);
}

/* Have one descriptor stand for the link's and the bell. */
static weft_err watch(weft__link *l)
{
    weft_err e = weft__poller_open(&l->both);
    if (e != WEFT_OK)
        return e;
    int fd = l->ops->fd(l->inner);
    e = weft__poller_set(&l->both, l->seg->bells[l->rank], WEFT__POLL_IN, 0);
    if (e == WEFT_OK && fd >= 0)
        e = weft__poller_set(&l->both, fd, WEFT__POLL_IN, 1);
    if (e != WEFT_OK)
        weft__poller_close(&l->both);
    return e;
}

weft_err weft__vigil_open(weft__link **out, const weft__link_ops *inner,
                          const weft__link_args *args)
{
    weft__link *l = calloc(1, sizeof *l);
    peer *peers = calloc((size_t)args->size, sizeof *peers);
    weft_err e = WEFT_NOMEM;
    if (!l || !peers) {
        weft__fail(e, "link: no memory for %d peers", args->size);
        goto no_link;
    }
    *l = (weft__link){.ops = inner,
                      .host = args->host,
                      .seg = args->seg,
                      .rank = args->rank,
                      .size = args->size,
                      .unseen = true,
                      .due = INT64_MAX,
                      .peers = peers};
    l->own = (weft__link_host){l, args->host->fail, pass_log, pass_frame, pass_gone, pass_kick};
    weft__link_args through = *args;
    through.host = &l->own;
    e = inner->open(&l->inner, &through);
    if (e != WEFT_OK)
        goto no_link;
    e = watch(l);
    if (e != WEFT_OK)
        goto no_watch;
    *out = l;
    return WEFT_OK;
no_watch:
    inner->close(l->inner);
no_link:
    free(peers);
    free(l);
    return e;
}

static uint32_t vigil_card(weft__link *l, void *buf)
{
    return l->ops->card ? l->ops->card(l->inner, buf) : 0;
}

static weft_err vigil_join(weft__link *l, const void *cards, const uint32_t *lengths)
{
    return l->ops->join ? l->ops->join(l->inner, cards, lengths) : WEFT_OK;
}

static uint32_t vigil_max_frame(weft__link *l)
{
    return l->ops->max_frame(l->inner);
}

static weft_err vigil_send(weft__link *l, int to, const void *head, uint32_t head_len,
                           const void *body, uint32_t body_len)
{
    if (weft_atomic_load(&l->peers[to].gone, WEFT_RELAXED)) /* pairs with pass_gone */
        return weft__fail(WEFT_LOST, "%s link: rank %d is gone", l->ops->name, to);
    return l->ops->send(l->inner, to, head, head_len, body, body_len);
}

static bool vigil_look(weft__link *l)
{
    return l->ops->look(l->inner) || weft__seg_attention(l->seg, l->rank);
}

/* What the segment says, for those of whom it says something new. */
static void note_endings(weft__link *l, int64_t now)
{
    for (int i = 0; i < l->size; i++) {
        peer *p = &l->peers[i];
        weft__rank_state s = i == l->rank ? WEFT__RANK_JOINED : weft__seg_state(l->seg, i);
        if (s < WEFT__RANK_LEFT || p->ending != WEFT__RANK_ABSENT)
            continue;
        p->ending = s;
        p->due = now + (s == WEFT__RANK_LOST ? lost_grace_ns : left_grace_ns);
        if (p->due < l->due)
            l->due = p->due;
    }
}

static void report_endings(weft__link *l, int64_t now)
{
    l->due = INT64_MAX;
    for (int i = 0; i < l->size; i++) {
        peer *p = &l->peers[i];
        if (p->ending == WEFT__RANK_ABSENT || weft_atomic_load(&p->gone, WEFT_RELAXED)) /* own */
            continue;
        if (p->due <= now) {
            bool lost = p->ending == WEFT__RANK_LOST;
            pass_gone(l, i, lost, lost ? "its process ended without a goodbye" : "");
        } else if (p->due < l->due) {
            l->due = p->due;
        }
    }
}

static int vigil_serve(weft__link *l)
{
    int n = l->ops->serve(l->inner);
    bool changed = l->unseen;
    l->unseen = false;
    /* Drained before the bits are taken: a ring that comes later is for bits that come later. */
    if (weft__seg_attention(l->seg, l->rank))
        weft__bell_drain(l->seg->bells[l->rank]);
    for (int i = 0; i < weft__seg_words(l->seg); i++)
        changed |= weft__seg_take(l->seg, l->rank, i) != 0;
    if (!changed && l->due == INT64_MAX) {
        if (n == 0)
            weft__bell_drain(l->seg->bells[l->rank]); /* it rang for a sleep that ended otherwise */
        return n;
    }
    int64_t now = weft__clock_ns();
    if (changed)
        note_endings(l, now);
    if (l->due <= (n == 0 ? now : now - busy_grace_ns))
        report_endings(l, now);
    return n;
}

static bool vigil_arm(weft__link *l)
{
    if (!l->ops->arm(l->inner))
        return false;
    if (!l->unseen && weft__seg_arm(l->seg, l->rank))
        return true;
    l->ops->disarm(l->inner);
    return false;
}

static void vigil_disarm(weft__link *l)
{
    weft__seg_disarm(l->seg, l->rank);
    l->ops->disarm(l->inner);
}

static int vigil_fd(weft__link *l)
{
    return l->both.epoll;
}

static int64_t vigil_due(weft__link *l)
{
    int64_t due = l->ops->due(l->inner);
    return due < l->due ? due : l->due;
}

static bool vigil_flushed(weft__link *l)
{
    return l->ops->flushed(l->inner);
}

static void vigil_close(weft__link *l)
{
    l->ops->close(l->inner);
    weft__poller_close(&l->both);
    free(l->peers);
    free(l);
}

const weft__link_ops weft__link_vigil = {
    .name = "watched",
    .open = NULL, /* weft__vigil_open: it needs to know what is watched */
    .card = vigil_card,
    .join = vigil_join,
    .max_frame = vigil_max_frame,
    .send = vigil_send,
    .look = vigil_look,
    .serve = vigil_serve,
    .arm = vigil_arm,
    .disarm = vigil_disarm,
    .fd = vigil_fd,
    .due = vigil_due,
    .flushed = vigil_flushed,
    .close = vigil_close,
};
