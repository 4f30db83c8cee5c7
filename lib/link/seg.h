/* link/seg.h: the job's shared segment: what all processes of a job on one machine share.
 *
 * One nameless, sealed file, made by the launcher, or under mpirun by the first rank; inherited or
 * passed on as a descriptor. It holds the state of each rank, its place and its card, the attention
 * bits by which processes call one another, and the rings of the shm link, committed only when first
 * used. Beside it each rank has a bell, a descriptor that wakes its poller.
 *
 * S1 Whatever is read from the segment is read once into a local, then checked (R7): a peer may be
 *    any process of this user.
 * S2 The attention bits of a rank are set after what they announce was written (a frame, room in a
 *    ring, a state), and cleared before it is looked at: nothing is overlooked. What they announce
 *    is written by a sequentially consistent store and looked at by such a load, so that whoever
 *    finds his bit set already need not write to the other's cache line:
 *        announcer: write it; load the bit, set it if it is clear
 *        attended:  exchange the bits for 0; look
 *    If that load saw the bit, it came before the exchange in the one order of all such operations,
 *    hence the write before the look.
 * S3 Sleeping: the sleeper exchanges sleeping for 1, then looks at its bits once more. The caller
 *    sets a bit (or saw it set), then loads sleeping, and if it is 1 exchanges it for 0 and rings if
 *    it was. All of it is sequentially consistent: one of them sees the other. A caller that is
 *    killed before it rings leaves `sleeping` at 1, and the next caller rings.
 */
#ifndef WEFT_LINK_SEG_H
#define WEFT_LINK_SEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link.h"
#include "port/cpuset.h"
#include "port/futex.h"
#include "weft/atomic.h"

enum { WEFT__RANKS_MAX = 1024, WEFT__WORKERS_MAX = 256 };

typedef enum weft__rank_state {
    WEFT__RANK_ABSENT, /* not yet joined */
    WEFT__RANK_JOINED,
    WEFT__RANK_LEFT, /* said goodbye */
    WEFT__RANK_LOST  /* its process ended without a goodbye; written by the launcher */
} weft__rank_state;

/* A rank's entry in the segment. */
typedef struct weft__seg_rank {
    WEFT_ATOMIC(uint32_t) claimed; /* 1 once a process has taken this rank's place */
    WEFT_ATOMIC(uint32_t) state;   /* a weft__rank_state */
    WEFT_ATOMIC(uint32_t) carded;  /* 1 once `card` is complete */
    int32_t pid;                   /* written by the launcher or the rank before it joins */
    /* Written by the launcher before the rank starts: */
    uint32_t workers;       /* 0: no plan, the rank decides */
    uint32_t bound;         /* 1: `cpus` holds */
    uint32_t workers_bound; /* 1: worker i is bound to worker_cpu[i] */
    weft__cpuset cpus;
    uint16_t worker_cpu[WEFT__WORKERS_MAX];
    /* Written by the rank before `carded`: */
    uint32_t card_len;
    uint8_t card[WEFT__CARD_MAX];
} weft__seg_rank;

/* What the launcher tells all ranks. Written before the first starts. */
typedef struct weft__seg_job {
    int32_t terminal;            /* columns of the terminal behind standard error, or 0 */
    uint32_t crowded;            /* 1: more workers than CPUs on this host: do not spin */
    uint32_t launched;           /* 1: by `weft run`, which supervises */
    WEFT_ATOMIC(uint32_t) links; /* bit i: some rank wants link i (boot.c) */
} weft__seg_job;

/* The segment as this process sees it. */
typedef struct weft__seg {
    void *base;
    size_t size;
    int fd;
    int ranks;
    int *bells; /* one descriptor for each rank */
    /* Where things lie, computed from `ranks`, never read back from the file: */
    size_t ranks_at, attention_at, attention_size, rings_at, ring_size;
} weft__seg;

/* Make a segment for `ranks` processes, and their bells. All descriptors are closed on exec.
 * WEFT_NOMEM (memory, descriptors: the detail names the limit) or WEFT_INVALID (too many ranks). */
weft_err weft__seg_create(weft__seg *s, int ranks);
/* Use the segment in `fd`; takes fd and the bells, which must be as many as the segment has ranks.
 * WEFT_INVALID if it is not a segment of this build. On failure nothing was taken. */
weft_err weft__seg_attach(weft__seg *s, int fd, const int *bells, int count);
/* How many ranks the segment in `fd` has, and so how many bells; `fd` stays the caller's. Errors as of
 * weft__seg_attach. */
weft_err weft__seg_count(int fd, int *ranks);
/* Unmap and close all. */
void weft__seg_close(weft__seg *s);

weft__seg_job *weft__seg_job_of(const weft__seg *s);
weft__seg_rank *weft__seg_rank_of(const weft__seg *s, int rank);
/* The state of `rank`, checked. */
weft__rank_state weft__seg_state(const weft__seg *s, int rank);
/* Set it and tell everybody. LEFT and LOST are final: the first of them stays. */
void weft__seg_set_state(weft__seg *s, int rank, weft__rank_state state);
/* Sleep until some rank's state or card changed since *epoch was stored, or until `deadline_ns`; only
 * for bootstrap and the launcher, which have no poller. Returns false if the deadline passed. */
bool weft__seg_wait_change(weft__seg *s, uint32_t *epoch, int64_t deadline_ns);
uint32_t weft__seg_epoch(const weft__seg *s);
/* Tell those in weft__seg_wait_change. */
void weft__seg_changed(weft__seg *s);

/* Set bit `from` of rank `to`, and ring if it sleeps. `from` == s->ranks stands for "a state changed". */
void weft__seg_attend(weft__seg *s, int to, int from);
/* Whether rank `me` has bits. */
bool weft__seg_attention(const weft__seg *s, int me);
/* Clear and return 64 bits of rank `me`: those of `word` * 64 and on. There are weft__seg_words. */
uint64_t weft__seg_take(weft__seg *s, int me, int word);
int weft__seg_words(const weft__seg *s);
/* S3. False: there are bits, do not sleep. */
bool weft__seg_arm(weft__seg *s, int me);
void weft__seg_disarm(weft__seg *s, int me);

/* The ring from rank `from` to rank `to`: its offset and size in the file, the same for all. */
size_t weft__seg_ring(const weft__seg *s, int from, int to, size_t *size);

#endif
