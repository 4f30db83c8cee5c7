/* link/shm.c: the link between processes of one machine: a ring for each ordered pair, in the job's
 * segment.
 *
 * H1 The ring to a peer is committed by its sender before its first frame; the reader commits its
 *    first page before it looks there, because a bit may also mean room in the other direction.
 * H2 A bit of attention is pending from when it was taken until that peer's ring was seen empty.
 * H3 A peer that left or was lost is gone when its ring was drained after its state was seen: the
 *    bits are taken again after the state was read, which comes after its last frame.
 * H4 A peer whose indices or records cannot be is lost; its ring is not looked at again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "link/link.h"
#include "link/ring.h"
#include "link/seg.h"
#include "port/err.h"
#include "port/map.h"
#include "port/poller.h"
#include "port/populate.h"
#include "weft/rt.h"

enum {
    SERVE_MAX = 256, /* frames in one serve() */
    WORDS = WEFT__RANKS_MAX / 64 + 1
};

typedef struct peer {
    /* The sender's: one thread at a time. */
    _Alignas(64) weft__ring_out out;
    bool committed;
    WEFT_ATOMIC(uint32_t) broken; /* set by a sender, read by serve(): its index cannot be */
    WEFT_ATOMIC(uint32_t) gone;   /* set by serve(), read by senders */
    /* serve()'s: */
    _Alignas(64) weft__ring_in in;
    weft__rank_state ending; /* LEFT or LOST once seen, else ABSENT */
} peer;

struct weft__link {
    weft__seg *seg;
    const weft__link_host *host;
    int rank, size;
    /* 1: serve() has something to do beside the attention bits. Set by serve() and by senders that
     * broke a peer, cleared by serve(). */
    WEFT_ATOMIC(uint32_t) more;
    /* serve()'s: */
    bool slept;              /* armed since the bell was last drained */
    bool changed;            /* some rank's state did; not looked at yet */
    int endings;             /* peers that are ending and not yet gone */
    int first;               /* the peer after the one that exhausted the last serve() */
    uint64_t pending[WORDS]; /* H2 */
    peer *peers;
};

static void *ring_memory(weft__link *l, int from, int to, size_t *offset, size_t *bytes)
{
    char *base = l->seg->base;
    *offset = weft__seg_ring(l->seg, from, to, bytes);
    return base + *offset;
}

static weft_err shm_open(weft__link **link, const weft__link_args *args)
{
    weft__seg *seg = args->seg;
    if (!seg)
        return weft__fail(WEFT_INVALID, "shm link: no shared segment: the processes of this job "
                                        "do not share memory; use WEFT_LINK=zmq");
    if (args->size != seg->ranks || args->rank < 0 || args->rank >= args->size)
        return weft__fail(WEFT_INVALID, "shm link: rank %d of %d in a segment of %d", args->rank,
                          args->size, seg->ranks);
    weft__link *l = calloc(1, sizeof *l);
    size_t bytes = (size_t)args->size * sizeof(peer);
    peer *peers = aligned_alloc(_Alignof(peer), bytes);
    if (!l || !peers) {
        free(l);
        free(peers);
        return weft__fail(WEFT_NOMEM, "shm link: no memory for %d peers", args->size);
    }
    for (int p = 0; p < args->size; p++)
        peers[p] = (peer){.ending = WEFT__RANK_ABSENT};
    l->seg = seg;
    l->host = args->host;
    l->rank = args->rank;
    l->size = args->size;
    l->peers = peers;
    *link = l;
    return WEFT_OK;
}

static uint32_t shm_max_frame(weft__link *l)
{
    return weft__ring_max_frame(l->seg->ring_size);
}

/* Commit the ring to `to` and begin to use it; H1. */
static weft_err commit_out(weft__link *l, int to)
{
    size_t offset, bytes;
    void *memory = ring_memory(l, l->rank, to, &offset, &bytes);
    weft_err e = weft__shmem_commit(l->seg->fd, offset, bytes);
    if (e != WEFT_OK)
        return weft__fail_in(e, "shm link: ring to rank %d", to);
    weft__populate(memory, bytes);
    weft__ring_out_init(&l->peers[to].out, memory, bytes);
    l->peers[to].committed = true;
    return WEFT_OK;
}

/* Have serve() report a peer whose index cannot be. */
static weft_err break_peer(weft__link *l, int to)
{
    /* pairs with report_broken */
    weft_atomic_store(&l->peers[to].broken, 1, WEFT_RELEASE);
    weft_atomic_exchange(&l->more, 1,
                         WEFT_SEQ_CST); /* pairs with shm_serve; before the kick looks */
    l->host->kick(l->host->ctx);
    return weft__fail(WEFT_LOST, "shm link: rank %d wrote an index that cannot be", to);
}

static weft_err shm_send(weft__link *l, int to, const void *head, uint32_t head_len,
                         const void *body, uint32_t body_len)
{
    peer *p = &l->peers[to];
    uint64_t len = (uint64_t)head_len + body_len;
    if (len == 0 || len > shm_max_frame(l))
        return weft__fail(WEFT_INVALID, "shm link: a frame of %llu bytes, 1 to %u are possible",
                          (unsigned long long)len, shm_max_frame(l));
    /* pairs with say_gone; a stale 0 costs a frame that nobody reads */
    if (weft_atomic_load(&p->gone, WEFT_RELAXED))
        return weft__fail(WEFT_LOST, "shm link: rank %d is gone", to);
    if (!p->committed) {
        weft_err e = commit_out(l, to);
        if (e != WEFT_OK)
            return e;
    }
    weft_err e = weft__ring_put(&p->out, head, head_len, body, body_len);
    if (e == WEFT_INVALID)
        return break_peer(l, to);
    if (e == WEFT_OK)
        weft__seg_attend(l->seg, to, l->rank);
    return e;
}

static bool shm_look(weft__link *l)
{
    /* pairs with shm_serve and break_peer */
    return weft_atomic_load(&l->more, WEFT_RELAXED) || weft__seg_attention(l->seg, l->rank);
}

static bool is_pending(const weft__link *l, int p)
{
    return l->pending[p / 64] >> (p % 64) & 1;
}

static void set_pending(weft__link *l, int p, bool on)
{
    uint64_t bit = UINT64_C(1) << (p % 64);
    l->pending[p / 64] = on ? l->pending[p / 64] | bit : l->pending[p / 64] & ~bit;
}

static bool any_pending(const weft__link *l)
{
    for (int i = 0; i < weft__seg_words(l->seg); i++)
        if (l->pending[i])
            return true;
    return false;
}

/* Take all bits; returns whether there were any. Bits that are no peer's are nobody's. */
static bool take_bits(weft__link *l)
{
    bool found = false;
    for (int i = 0; i < weft__seg_words(l->seg); i++) {
        uint64_t bits = weft__seg_take(l->seg, l->rank, i);
        found |= bits != 0;
        if (i == l->size / 64) {
            l->changed |= bits >> (l->size % 64) & 1;
            bits &= (UINT64_C(1) << (l->size % 64)) - 1;
        }
        l->pending[i] |= bits;
    }
    set_pending(l, l->rank, false);
    return found;
}

/* H3 */
static void note_endings(weft__link *l)
{
    for (int i = 0; i < l->size; i++) {
        peer *p = &l->peers[i];
        if (i == l->rank || p->ending != WEFT__RANK_ABSENT)
            continue;
        weft__rank_state state = weft__seg_state(l->seg, i);
        if (state < WEFT__RANK_LEFT)
            continue;
        p->ending = state;
        if (!weft_atomic_load(&p->gone, WEFT_RELAXED)) /* own */
            l->endings++;
    }
}

static void say_gone(weft__link *l, int i, bool lost, const char *why)
{
    peer *p = &l->peers[i];
    if (weft_atomic_load(&p->gone, WEFT_RELAXED)) /* own */
        return;
    if (p->ending != WEFT__RANK_ABSENT)
        l->endings--;
    set_pending(l, i, false);
    weft_atomic_store(&p->gone, 1, WEFT_RELAXED); /* pairs with shm_send */
    l->host->gone(l->host->ctx, i, lost, why);
}

static void break_reader(weft__link *l, int i)
{
    char why[96];
    snprintf(why, sizeof why, "it wrote something that cannot be into its ring to rank %d",
             l->rank);
    say_gone(l, i, true, why);
}

/* H1 */
static bool open_in(weft__link *l, int i)
{
    size_t offset, bytes;
    void *memory = ring_memory(l, i, l->rank, &offset, &bytes);
    if (weft__shmem_commit(l->seg->fd, offset, weft__page_size()) != WEFT_OK) {
        say_gone(l, i, true, "no memory for the ring from it");
        return false;
    }
    weft__ring_in_init(&l->peers[i].in, memory, bytes);
    /* A hint only: if nothing was written the bit meant room, and the rest stays uncommitted. */
    if (weft_atomic_load(&l->peers[i].in.ring->tail, WEFT_RELAXED))
        weft__populate(memory, bytes);
    return true;
}

/* Hand the frames of peer `i` over, at most `max`. */
static int drain(weft__link *l, int i, int max)
{
    peer *p = &l->peers[i];
    if (weft_atomic_load(&p->gone, WEFT_RELAXED) || (!p->in.ring && !open_in(l, i))) { /* own */
        set_pending(l, i, false);
        return 0;
    }
    int n = 0;
    weft_err e = WEFT_OK;
    while (n < max) {
        const void *frame;
        uint32_t len;
        e = weft__ring_peek(&p->in, &frame, &len);
        if (e == WEFT_OK && len > shm_max_frame(l))
            e = WEFT_INVALID;
        if (e != WEFT_OK)
            break;
        l->host->frame(l->host->ctx, i, frame, len);
        weft__ring_drop(&p->in);
        n++;
        if (weft__ring_due(&p->in) && weft__ring_tell(&p->in))
            weft__seg_attend(l->seg, i, l->rank);
    }
    if (weft__ring_tell(&p->in))
        weft__seg_attend(l->seg, i, l->rank);
    if (e == WEFT_INVALID)
        break_reader(l, i);
    else if (e == WEFT_EMPTY)
        set_pending(l, i, false);
    return n;
}

/* Drain who is pending, each in turn first, so that a loud peer does not starve the others. */
static int drain_pending(weft__link *l)
{
    int n = 0, first = l->first;
    for (int k = 0; k < l->size && n < SERVE_MAX; k++) {
        int i = (first + k) % l->size;
        if (!is_pending(l, i))
            continue;
        n += drain(l, i, SERVE_MAX - n);
        l->first = i + 1;
    }
    return n;
}

static void report_endings(weft__link *l)
{
    for (int i = 0; i < l->size && l->endings > 0; i++) {
        peer *p = &l->peers[i];
        if (p->ending == WEFT__RANK_ABSENT || is_pending(l, i))
            continue;
        bool lost = p->ending == WEFT__RANK_LOST;
        say_gone(l, i, lost, lost ? "its process ended without a goodbye" : "");
    }
}

static void report_broken(weft__link *l)
{
    for (int i = 0; i < l->size; i++)
        if (weft_atomic_load(&l->peers[i].broken, WEFT_ACQUIRE)) /* pairs with break_peer */
            break_reader(l, i);
}

static int shm_serve(weft__link *l)
{
    /* pairs with break_peer */
    if (weft_atomic_exchange(&l->more, 0, WEFT_ACQ_REL))
        report_broken(l);
    bool found = take_bits(l);
    if (l->changed) {
        l->changed = false;
        note_endings(l);
        take_bits(l);
    }
    int n = drain_pending(l);
    if (l->endings > 0)
        report_endings(l);
    /* A bell that was rung for a sleep which ended otherwise is found by a serve() with nothing to do. */
    if (l->slept || (!found && n == 0)) {
        weft__bell_drain(l->seg->bells[l->rank]);
        l->slept = false;
    }
    if (l->changed || any_pending(l))
        weft_atomic_store(&l->more, 1, WEFT_RELEASE); /* pairs with shm_look */
    return n;
}

static bool shm_arm(weft__link *l)
{
    if (weft_atomic_load(&l->more, WEFT_ACQUIRE)) /* pairs with break_peer, which then kicks */
        return false;
    l->slept = true;
    return weft__seg_arm(l->seg, l->rank);
}

static void shm_disarm(weft__link *l)
{
    weft__seg_disarm(l->seg, l->rank);
}

static int shm_fd(weft__link *l)
{
    return l->seg->bells[l->rank];
}

static int64_t shm_due(weft__link *l)
{
    (void)l;
    return INT64_MAX;
}

/* What is in a ring stays readable when this process is gone. */
static bool shm_flushed(weft__link *l)
{
    (void)l;
    return true;
}

static void shm_close(weft__link *l)
{
    weft__seg_set_state(l->seg, l->rank, WEFT__RANK_LEFT);
    free(l->peers);
    free(l);
}

const weft__link_ops weft__link_shm = {
    .name = "shm",
    .open = shm_open,
    .max_frame = shm_max_frame,
    .send = shm_send,
    .look = shm_look,
    .serve = shm_serve,
    .arm = shm_arm,
    .disarm = shm_disarm,
    .fd = shm_fd,
    .due = shm_due,
    .flushed = shm_flushed,
    .close = shm_close,
};
