/* task/ring.h: the tasks that a worker has to run, oldest first. The owner pushes at the back and takes
 * from the front, and the youngest back again if it wants it; others take up to half from the front.
 *
 * Q1 `back` is written by the owner only; the owner's push makes the slot visible before `back`.
 * Q2 Whoever takes from the front reads the slots first and then moves `front` with a compare and swap of
 *    all of it: the index, which only grows, and a tag that each take from the back makes another. So the
 *    slots that were read are those that were claimed: an index that comes again does so after 2^32 takes.
 * Q3 The owner takes from the back in two steps: `back` down, then the tag up. A thief that read `back`
 *    before the first step fails; one that reads `front` after the second sees the lower `back`.
 */
#ifndef WEFT_TASK_RING_H
#define WEFT_TASK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/atomic.h"

#ifndef WEFT__RING_SLOTS
#define WEFT__RING_SLOTS 1024u
#endif

struct weft__task;

typedef struct weft__ring {
    WEFT_ATOMIC(uint64_t) front; /* index, and the tag above it */
    char apart[56];
    WEFT_ATOMIC(uint32_t) back;
    bool alone; /* nobody else takes from it */
    WEFT_ATOMIC(struct weft__task *) slot[WEFT__RING_SLOTS];
} weft__ring;

static inline uint32_t weft__ring_index(uint64_t front)
{
    return (uint32_t)front;
}

static inline uint64_t weft__ring_front(uint64_t before, uint32_t index)
{
    return (before & ~(uint64_t)UINT32_MAX) | index;
}

static inline void weft__ring_init(weft__ring *r, bool alone)
{
    weft_atomic_store(&r->front, 0, WEFT_RELAXED);
    weft_atomic_store(&r->back, 0, WEFT_RELAXED);
    r->alone = alone;
}

/* How many there are; for others than the owner a guess that may be old. */
static inline uint32_t weft__ring_length(weft__ring *r)
{
    uint64_t front = weft_atomic_load(&r->front, WEFT_ACQUIRE); /* pairs with steal */
    uint32_t n = weft_atomic_load(&r->back, WEFT_ACQUIRE) - weft__ring_index(front);
    return n > WEFT__RING_SLOTS ? 0 : n; /* the owner is taking the last one from the back */
}

/* Owner. False: it is full. */
static inline bool weft__ring_push(weft__ring *r, struct weft__task *t)
{
    uint32_t back = weft_atomic_load(&r->back, WEFT_RELAXED);
    /* pairs with steal: its reads of the slot are over */
    uint64_t front = weft_atomic_load(&r->front, WEFT_ACQUIRE);
    if (back - weft__ring_index(front) >= WEFT__RING_SLOTS)
        return false;
    weft_atomic_store(&r->slot[back % WEFT__RING_SLOTS], t, WEFT_RELAXED);
    weft_atomic_store(&r->back, back + 1, WEFT_RELEASE); /* Q1; pairs with steal */
    return true;
}

/* Owner. The oldest, or NULL. */
static inline struct weft__task *weft__ring_pop(weft__ring *r)
{
    uint32_t back = weft_atomic_load(&r->back, WEFT_RELAXED);
    uint64_t front = weft_atomic_load(&r->front, WEFT_RELAXED);
    for (;;) {
        uint32_t i = weft__ring_index(front);
        if (i == back)
            return NULL;
        struct weft__task *t = weft_atomic_load(&r->slot[i % WEFT__RING_SLOTS], WEFT_RELAXED);
        uint64_t next = weft__ring_front(front, i + 1);
        if (r->alone) {
            weft_atomic_store(&r->front, next, WEFT_RELAXED);
            return t;
        }
        /* pairs with steal: one of both fails */
        if (weft_atomic_cas(&r->front, &front, next, WEFT_ACQ_REL, WEFT_RELAXED))
            return t;
    }
}

/* Owner. The youngest, or NULL. */
static inline struct weft__task *weft__ring_pop_back(weft__ring *r)
{
    uint32_t back = weft_atomic_load(&r->back, WEFT_RELAXED) - 1;
    uint64_t front = weft_atomic_load(&r->front, WEFT_RELAXED);
    if (weft__ring_index(front) == back + 1)
        return NULL;
    weft_atomic_store(&r->back, back, WEFT_RELAXED);
    while ((int32_t)(back - weft__ring_index(front)) >= 0) {
        /* Q3; pairs with steal, which reads `front` before `back` */
        if (r->alone || weft_atomic_cas(&r->front, &front, front + ((uint64_t)1 << 32),
                                        WEFT_ACQ_REL, WEFT_RELAXED))
            return weft_atomic_load(&r->slot[back % WEFT__RING_SLOTS], WEFT_RELAXED);
    }
    weft_atomic_store(&r->back, back + 1, WEFT_RELAXED); /* somebody else had it */
    return NULL;
}

/* Anybody. Takes up to half, at most `most`, into `out`; returns how many. */
static inline uint32_t weft__ring_steal(weft__ring *r, struct weft__task **out, uint32_t most)
{
    uint64_t front = weft_atomic_load(&r->front, WEFT_ACQUIRE); /* Q3; pairs with pop_back */
    for (;;) {
        uint32_t i = weft__ring_index(front);
        uint32_t back = weft_atomic_load(&r->back, WEFT_ACQUIRE); /* Q1; pairs with push */
        uint32_t n = back - i;
        if (n == 0 || n > WEFT__RING_SLOTS) /* empty, or `front` is old */
            return 0;
        n = (n + 1) / 2 < most ? (n + 1) / 2 : most;
        for (uint32_t k = 0; k < n; k++)
            out[k] = weft_atomic_load(&r->slot[(i + k) % WEFT__RING_SLOTS], WEFT_RELAXED);
        /* pairs with the owner's push into these slots, and with its takes */
        if (weft_atomic_cas(&r->front, &front, weft__ring_front(front, i + n), WEFT_ACQ_REL,
                            WEFT_ACQUIRE))
            return n;
    }
}

#endif
