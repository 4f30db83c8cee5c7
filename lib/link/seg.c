#include "link/seg.h"

#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/limit.h"
#include "port/map.h"
#include "port/poller.h"

enum {
    LINE = 64,       /* what one rank writes often lies apart from what another does by this much */
    SPARE_FILES = 64 /* descriptors that the rest of the process needs beside the bells */
};

#define MAGIC   UINT64_C(0x676573207466657f)
#define VERSION 1u

/* The beginning of the file. All but `epoch` and `job` is written by weft__seg_create only. */
typedef struct seg_head {
    uint64_t magic;
    uint32_t version, ranks;
    uint32_t head_size, rank_size; /* of the structures, to tell another build */
    uint64_t size, ring_size;
    weft__seg_job job;
    /* Bumped by everybody at each change of a state or a card; bootstrap and launcher sleep on it. */
    _Alignas(LINE) weft__futex epoch;
} seg_head;

/* How a rank is called. Set and cleared by all; on cache lines of its own. */
typedef struct attention {
    WEFT_ATOMIC(uint32_t) sleeping; /* 1: ring the bell */
    uint32_t unused;
    WEFT_ATOMIC(uint64_t) words[];
} attention;

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Memory grows with the pairs that talk, address space with all pairs: 16 GiB of it at most. With few
 * ranks a ring holds several letters of the size that programs like: a sender that computes between
 * two of them has the next ones on their way meanwhile. */
static size_t ring_size_for(int ranks)
{
    if (ranks <= 8)
        return (size_t)1 << 20;
    if (ranks <= 16)
        return (size_t)256 << 10;
    if (ranks <= 64)
        return (size_t)128 << 10;
    if (ranks <= 256)
        return (size_t)64 << 10;
    return (size_t)16 << 10;
}

static void lay_out(weft__seg *s, int ranks)
{
    size_t n = (size_t)ranks;
    s->ranks = ranks;
    s->ranks_at = round_up(sizeof(seg_head), LINE);
    s->attention_at = s->ranks_at + n * round_up(sizeof(weft__seg_rank), LINE);
    s->attention_size =
        round_up(sizeof(attention) + (size_t)weft__seg_words(s) * sizeof(uint64_t), LINE);
    s->ring_size = ring_size_for(ranks);
    s->rings_at = round_up(s->attention_at + n * s->attention_size, weft__page_size());
    s->size = s->rings_at + n * n * s->ring_size;
}

static seg_head *head_of(const weft__seg *s)
{
    return s->base;
}

static attention *attention_of(const weft__seg *s, int rank)
{
    char *base = s->base;
    return (attention *)(void *)(base + s->attention_at + (size_t)rank * s->attention_size);
}

/* The descriptors of `count` bells. On failure nothing stays open. */
static weft_err open_bells(int **bells, int count)
{
    uint64_t want = (uint64_t)count + SPARE_FILES, have = weft__limit_files(want);
    if (have < want)
        return weft__fail(WEFT_NOMEM,
                          "segment: %d ranks need %llu descriptors, the limit is %llu: raise it "
                          "(ulimit -Hn) or start fewer ranks",
                          count, (unsigned long long)want, (unsigned long long)have);
    int *all = malloc((size_t)count * sizeof *all);
    if (!all)
        return weft__fail(WEFT_NOMEM, "segment: no memory for %d bells", count);
    for (int i = 0; i < count; i++) {
        weft_err e = weft__bell_open(&all[i]);
        if (e != WEFT_OK) {
            while (i-- > 0)
                weft__fd_close(all[i]);
            free(all);
            return weft__fail_in(e, "segment: bell %d of %d", i + 1, count);
        }
    }
    *bells = all;
    return WEFT_OK;
}

static void write_head(seg_head *h, const weft__seg *s)
{
    h->magic = MAGIC;
    h->version = VERSION;
    h->ranks = (uint32_t)s->ranks;
    h->head_size = sizeof(seg_head);
    h->rank_size = sizeof(weft__seg_rank);
    h->size = s->size;
    h->ring_size = s->ring_size;
}

weft_err weft__seg_create(weft__seg *s, int ranks)
{
    if (ranks < 1 || ranks > WEFT__RANKS_MAX)
        return weft__fail(WEFT_INVALID, "segment: %d ranks: 1 to %d are possible", ranks,
                          WEFT__RANKS_MAX);
    weft__seg n = {.fd = -1};
    lay_out(&n, ranks);
    size_t mapped = 0;
    weft_err e = open_bells(&n.bells, ranks);
    if (e != WEFT_OK)
        return e;
    e = weft__shmem_create("weft", n.size, &n.fd);
    if (e != WEFT_OK)
        goto no_file;
    e = weft__shmem_commit(n.fd, 0, n.rings_at);
    if (e == WEFT_OK)
        e = weft__shmem_map(n.fd, &n.base, &mapped);
    if (e != WEFT_OK)
        goto no_map;
    write_head(head_of(&n), &n);
    *s = n;
    return WEFT_OK;
no_map:
    weft__fd_close(n.fd);
no_file:
    for (int i = 0; i < ranks; i++)
        weft__fd_close(n.bells[i]);
    free(n.bells);
    return weft__fail_in(e, "segment of %d ranks", ranks);
}

/* Whether what is mapped at n->base, n->size bytes, is a segment of this build; lays it out if so. */
static weft_err check_head(weft__seg *n, int bells)
{
    if (n->size < sizeof(seg_head))
        return weft__fail(WEFT_INVALID, "segment: a file of %zu bytes is none", n->size);
    seg_head h;
    memcpy(&h, n->base, sizeof h); /* S1 */
    if (h.magic != MAGIC)
        return weft__fail(WEFT_INVALID, "segment: descriptor %d is none of weft's", n->fd);
    if (h.version != VERSION || h.head_size != sizeof(seg_head) ||
        h.rank_size != sizeof(weft__seg_rank))
        return weft__fail(WEFT_INVALID,
                          "segment: version %u, this build has %u: start launcher and program "
                          "with the same library",
                          h.version, VERSION);
    if (h.ranks < 1 || h.ranks > WEFT__RANKS_MAX || (int)h.ranks != bells)
        return weft__fail(WEFT_INVALID, "segment: %u ranks but %d bells", h.ranks, bells);
    size_t mapped = n->size;
    lay_out(n, (int)h.ranks);
    if (n->size != mapped || h.size != mapped || h.ring_size != n->ring_size) {
        size_t expected = n->size;
        n->size = mapped;
        return weft__fail(WEFT_INVALID, "segment: %u ranks need %zu bytes, the file has %zu",
                          h.ranks, expected, mapped);
    }
    return WEFT_OK;
}

weft_err weft__seg_attach(weft__seg *s, int fd, const int *bells, int count)
{
    if (count < 1 || count > WEFT__RANKS_MAX)
        return weft__fail(WEFT_INVALID, "segment: %d bells: 1 to %d are possible", count,
                          WEFT__RANKS_MAX);
    weft__seg n = {.fd = fd};
    n.bells = malloc((size_t)count * sizeof *n.bells);
    if (!n.bells)
        return weft__fail(WEFT_NOMEM, "segment: no memory for %d bells", count);
    memcpy(n.bells, bells, (size_t)count * sizeof *n.bells);
    weft_err e = weft__shmem_map(fd, &n.base, &n.size);
    if (e != WEFT_OK)
        goto no_map;
    e = check_head(&n, count);
    if (e != WEFT_OK)
        goto not_ours;
    *s = n;
    return WEFT_OK;
not_ours:
    weft__shmem_unmap(n.base, n.size);
no_map:
    free(n.bells);
    return e;
}

weft_err weft__seg_count(int fd, int *ranks)
{
    weft__seg n = {.fd = fd};
    weft_err e = weft__shmem_map(fd, &n.base, &n.size);
    if (e != WEFT_OK)
        return e;
    uint32_t count = 0;
    if (n.size >= sizeof(seg_head))
        count = head_of(&n)->ranks; /* S1; checked with all the rest of the head */
    e = check_head(&n, count <= WEFT__RANKS_MAX ? (int)count : 0);
    if (e == WEFT_OK)
        *ranks = (int)count;
    weft__shmem_unmap(n.base, n.size);
    return e;
}

void weft__seg_close(weft__seg *s)
{
    if (!s->base)
        return;
    weft__shmem_unmap(s->base, s->size);
    weft__fd_close(s->fd);
    for (int i = 0; i < s->ranks; i++)
        weft__fd_close(s->bells[i]);
    free(s->bells);
    *s = (weft__seg){.fd = -1};
}

weft__seg_job *weft__seg_job_of(const weft__seg *s)
{
    return &head_of(s)->job;
}

weft__seg_rank *weft__seg_rank_of(const weft__seg *s, int rank)
{
    char *base = s->base;
    size_t each = round_up(sizeof(weft__seg_rank), LINE);
    return (weft__seg_rank *)(void *)(base + s->ranks_at + (size_t)rank * each);
}

weft__rank_state weft__seg_state(const weft__seg *s, int rank)
{
    /* pairs with weft__seg_set_state: all that the rank sent before */
    uint32_t v = weft_atomic_load(&weft__seg_rank_of(s, rank)->state, WEFT_SEQ_CST);
    return v <= WEFT__RANK_LOST ? (weft__rank_state)v : WEFT__RANK_LOST;
}

void weft__seg_set_state(weft__seg *s, int rank, weft__rank_state state)
{
    weft__seg_rank *r = weft__seg_rank_of(s, rank);
    uint32_t was = weft_atomic_load(&r->state, WEFT_RELAXED);
    do {
        if (was >= WEFT__RANK_LEFT)
            return;
        /* pairs with weft__seg_state */
    } while (!weft_atomic_cas(&r->state, &was, (uint32_t)state, WEFT_SEQ_CST, WEFT_RELAXED));
    for (int to = 0; to < s->ranks; to++)
        weft__seg_attend(s, to, s->ranks);
    weft__seg_changed(s);
}

uint32_t weft__seg_epoch(const weft__seg *s)
{
    /* pairs with weft__seg_changed: what changed */
    return weft_atomic_load(&head_of(s)->epoch, WEFT_ACQUIRE);
}

bool weft__seg_wait_change(weft__seg *s, uint32_t *epoch, int64_t deadline_ns)
{
    weft__futex *f = &head_of(s)->epoch;
    for (;;) {
        uint32_t now = weft__seg_epoch(s);
        if (now != *epoch) {
            *epoch = now;
            return true;
        }
        if (!weft__futex_wait(f, now, deadline_ns, true))
            return false;
    }
}

void weft__seg_changed(weft__seg *s)
{
    weft__futex *f = &head_of(s)->epoch;
    /* pairs with weft__seg_epoch */
    weft_atomic_fetch_add(f, 1, WEFT_ACQ_REL);
    weft__futex_wake(f, s->ranks + 1, true);
}

int weft__seg_words(const weft__seg *s)
{
    return s->ranks / 64 + 1;
}

void weft__seg_attend(weft__seg *s, int to, int from)
{
    attention *a = attention_of(s, to);
    uint64_t bit = UINT64_C(1) << (from % 64);
    /* S2; pairs with weft__seg_take */
    if (!(weft_atomic_load(&a->words[from / 64], WEFT_SEQ_CST) & bit))
        weft_atomic_fetch_or(&a->words[from / 64], bit, WEFT_SEQ_CST);
    /* S3; pairs with weft__seg_arm */
    if (weft_atomic_load(&a->sleeping, WEFT_SEQ_CST) &&
        weft_atomic_exchange(&a->sleeping, 0, WEFT_SEQ_CST))
        weft__bell_ring(s->bells[to]);
}

bool weft__seg_attention(const weft__seg *s, int me)
{
    const attention *a = attention_of(s, me);
    for (int i = 0; i < weft__seg_words(s); i++)
        if (weft_atomic_load(&a->words[i], WEFT_SEQ_CST)) /* S3; pairs with weft__seg_attend */
            return true;
    return false;
}

uint64_t weft__seg_take(weft__seg *s, int me, int word)
{
    attention *a = attention_of(s, me);
    if (!weft_atomic_load(&a->words[word], WEFT_RELAXED)) /* a bit set later is seen later */
        return 0;
    /* S2; pairs with weft__seg_attend */
    return weft_atomic_exchange(&a->words[word], 0, WEFT_SEQ_CST);
}

bool weft__seg_arm(weft__seg *s, int me)
{
    /* S3; pairs with weft__seg_attend */
    weft_atomic_exchange(&attention_of(s, me)->sleeping, 1, WEFT_SEQ_CST);
    if (!weft__seg_attention(s, me))
        return true;
    weft__seg_disarm(s, me);
    return false;
}

void weft__seg_disarm(weft__seg *s, int me)
{
    /* Whoever exchanged it before rings for nothing; the next sleep ends early, once. */
    weft_atomic_store(&attention_of(s, me)->sleeping, 0, WEFT_RELAXED);
}

size_t weft__seg_ring(const weft__seg *s, int from, int to, size_t *size)
{
    *size = s->ring_size;
    return s->rings_at + ((size_t)from * (size_t)s->ranks + (size_t)to) * s->ring_size;
}
