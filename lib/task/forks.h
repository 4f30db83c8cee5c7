/* task/forks.h: the deque of a task's children. The owner pushes and pops at the head, in weft/fork.h;
 * others take the oldest. Slots below `split` are shared, those from it on are the owner's alone.
 *
 * F1 head is the owner's. tail <= split <= head, in slots from `slots` on. Only thieves raise tail, one
 *    at a time, each by a compare and swap of the whole `span`; only the owner moves split.
 * F2 A thief reads a slot only after it has claimed it. A slot that was claimed is used again only after
 *    its child was joined.
 * F3 A slot holds the child, with bits, until it is joined: the thief may read it late. A thief that has
 *    run it exchanges DONE in; an owner that has to wait for it swaps WAITED in before. Who comes second
 *    finds the other's bit: a thief that finds WAITED grants the parent, which it knows, and touches
 *    nothing of the child or the slot after its exchange. A child that was joined leaves NONE.
 * F4 The owner looks at floor and limit only, which a thief that wants work sets so that the next fork or
 *    join goes the slow way; there the owner sets them again, then clears `asked`, then looks whether
 *    anybody sleeps. Who goes to sleep says so first and asks then.
 */
#ifndef WEFT_TASK_FORKS_H
#define WEFT_TASK_FORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/fork.h"

enum { WEFT__SLOT_NONE = 0, WEFT__SLOT_DONE = 2, WEFT__SLOT_WAITED = 4 };
/* The child, without what happened to it. */
#define WEFT__SLOT_CHILD(v) ((v) & ~(uintptr_t)(WEFT__SLOT_DONE | WEFT__SLOT_WAITED))

typedef struct weft__forks {
    struct weft__record here;
    weft__slot *slots, *end;     /* NULL until the first fork; written while nothing is shared */
    uint32_t loose;              /* children that found no slot; the owner's */
    uint32_t holes;              /* slots of NONE below head; the owner's */
    WEFT_ATOMIC(uint64_t) span;  /* tail, and split above it */
    WEFT_ATOMIC(uint32_t) asked; /* somebody wants work */
    int32_t tick_every;          /* ticks between two looks at the world; the owner's */
    int64_t ticked;              /* when the last one was */
} weft__forks;

static inline uint32_t weft__span_tail(uint64_t span)
{
    return (uint32_t)span;
}

static inline uint32_t weft__span_split(uint64_t span)
{
    return (uint32_t)(span >> 32);
}

static inline uint64_t weft__span(uint32_t tail, uint32_t split)
{
    return (uint64_t)split << 32 | tail;
}

/* Owner. Whether no child is out. */
static inline bool weft__forks_none(const weft__forks *f)
{
    return f->here.head == f->slots && f->loose == 0;
}

/* Owner. The next fork goes the slow way. */
static inline void weft__forks_shut(weft__forks *f)
{
    weft_atomic_store(&f->here.limit, NULL, WEFT_RELAXED);
    weft_atomic_store(&f->here.floor, (weft__slot *)UINTPTR_MAX, WEFT_RELAXED);
}

/* Owner. Forks and joins take the quick way, until somebody asks; but no join above a hole, which has to
 * go with the slot on top of it. F4 */
static inline void weft__forks_open(weft__forks *f)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_RELAXED);
    weft__slot *floor =
        f->holes > 0 ? (weft__slot *)UINTPTR_MAX : f->slots + weft__span_split(span);
    weft_atomic_store(&f->here.limit, f->end, WEFT_RELAXED);
    weft_atomic_store(&f->here.floor, floor, WEFT_RELAXED);
    weft_atomic_store(&f->asked, 0, WEFT_RELEASE); /* pairs with ask: its stores come after these */
}

/* Anybody: have the owner share something at its next fork or join. */
static inline void weft__forks_ask(weft__forks *f)
{
    if (weft_atomic_load(&f->asked, WEFT_ACQUIRE) != 0) /* pairs with open */
        return;
    weft_atomic_store(&f->asked, 1, WEFT_RELAXED);
    weft__forks_shut(f);
}

/* Owner. Share the oldest `n` that are private. */
static inline void weft__forks_share(weft__forks *f, uint32_t n)
{
    /* pairs with steal: children and slots before the split */
    weft_atomic_fetch_add(&f->span, (uint64_t)n << 32, WEFT_SEQ_CST);
}

static inline uint32_t weft__forks_private(weft__forks *f)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_RELAXED);
    return (uint32_t)(f->here.head - f->slots) - weft__span_split(span);
}

/* Owner. Take back the slots from `i` on; false if somebody has slot `i`. */
static inline bool weft__forks_reclaim(weft__forks *f, uint32_t i)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_RELAXED);
    do {
        if (weft__span_split(span) <= i)
            return true;
        if (weft__span_tail(span) > i)
            return false;
        /* pairs with steal: one of both fails */
    } while (!weft_atomic_cas(&f->span, &span, weft__span(weft__span_tail(span), i), WEFT_ACQ_REL,
                              WEFT_RELAXED));
    return true;
}

/* Owner. Forget the topmost slot, whose child was joined or is about to be run by the owner. */
static inline void weft__forks_drop(weft__forks *f)
{
    uint32_t i = (uint32_t)(--f->here.head - f->slots);
    if (!weft__forks_reclaim(
            f, i)) /* it was taken, so all were: nobody but the owner moves the span */
        weft_atomic_exchange(&f->span, weft__span(i, i), WEFT_ACQ_REL);
}

/* Owner. Whether nobody could take anything, now or once asked for. */
static inline bool weft__forks_bare(weft__forks *f)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_RELAXED); /* a guess: thieves raise tail */
    return (uint32_t)(f->here.head - f->slots) == weft__span_tail(span);
}

/* Owner. Whether somebody wants something and nothing is shared. A look for those who compute for long
 * between a fork and the next. */
static inline bool weft__forks_hungry(weft__forks *f)
{
    /* pairs with ask, which needs no more than to be seen some time */
    if (f->here.head < weft_atomic_load(&f->here.limit, WEFT_RELAXED))
        return false;
    uint64_t span = weft_atomic_load(&f->span, WEFT_RELAXED); /* a guess: thieves raise tail */
    return weft__span_tail(span) == weft__span_split(span);
}

/* Anybody. The oldest that is shared, and its slot; or 0. */
static inline uintptr_t weft__forks_steal(weft__forks *f, weft__slot **slot)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_ACQUIRE); /* pairs with share */
    for (;;) {
        if (weft__span_tail(span) >= weft__span_split(span))
            return 0;
        /* pairs with share; F2 */
        if (!weft_atomic_cas(&f->span, &span, span + 1, WEFT_ACQ_REL, WEFT_ACQUIRE))
            continue;
        *slot = f->slots + weft__span_tail(span);
        /* pairs with the owner's WAITED: F3 */
        uintptr_t child = WEFT__SLOT_CHILD(weft_atomic_load(*slot, WEFT_RELAXED));
        if (child != WEFT__SLOT_NONE)
            return child;
        span++;
    }
}

static inline bool weft__forks_shared(weft__forks *f)
{
    uint64_t span = weft_atomic_load(&f->span, WEFT_SEQ_CST); /* pairs with share: I2 */
    return weft__span_tail(span) < weft__span_split(span);
}

#endif
