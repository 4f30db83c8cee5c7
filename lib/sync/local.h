/* sync/local.h: a queue in this process.
 *
 * A ring of slots with two ends. Whoever holds the guard may work at both, and everything that waits,
 * hands over or ends does. A thread to which the lane of an end was lent works there without the guard.
 *
 * L1 put.count items were made visible, get.count slots were given back; both only grow, and an end's own
 *    are written by who may work at that end (lane.h). So get.count <= put.count <= get.count + capacity.
 * L2 The slots from put.count on, put.open of them, are claimed: LENGTH_OPEN until they are committed.
 *    They become visible in their order. The slots from get.count on, get.open of them, are taken:
 *    LENGTH_OPEN, then LENGTH_DONE. They are given back in their order.
 * L3 An end with open slots, and a queue in which somebody waits, has no lane lent.
 * L4 Outside of the guard: if somebody waits to get, no item is visible that nobody took; if somebody waits
 *    to put, no slot is free. Whoever changes that serves those who wait, in their order, before it drops
 *    the guard.
 * L5 Who was served is let go once the guard is dropped, and the queue is not touched after that: who got
 *    the last item may close it.
 * L6 put.count + put.open + handed items were put or claimed; so many less `done` are unfinished. Only
 *    weft_queue_task_done brings that down to none, under `joins.guard`, so it lets those go who wait there.
 *    Counting takes the other guard for a moment while it holds this one, never the other way round.
 */
#ifndef WEFT_SYNC_LOCAL_H
#define WEFT_SYNC_LOCAL_H

#include <string.h>

#include "port/mark.h"
#include "sync/lane.h"
#include "sync/queue.h"
#include "task/wait.h"

/* An item's length in its slot; the longest, and what stands there instead. */
enum { WEFT__ITEM_MAX = 0x7fffffff };
#define WEFT__LENGTH_OPEN UINT32_MAX
#define WEFT__LENGTH_DONE (UINT32_MAX - 1)

typedef struct weft__end {
    weft__lane lane;
    size_t at;        /* the slot of `count` */
    uint64_t seen;    /* the other end's count when it was last looked at */
    uint64_t gained;  /* by how much that look raised it */
    size_t open;      /* L2; with the guard held */
    uint32_t waiting; /* how many wait to work here; with the guard held */
    WEFT_ATOMIC(uint64_t) count __attribute__((aligned(64))); /* L1; read by the other end */
} __attribute__((aligned(64))) weft__end;

typedef struct weft__local {
    weft__queue_base base;
    size_t item_size, stride, capacity;
    char *slots;
    uint32_t *lengths;
    bool barrier; /* lanes may be lent lightly */

    weft__end put, get;

    weft_sync_head head __attribute__((aligned(64))); /* who waits, at either end */
    bool ended;
    uint32_t calm, calm_enough; /* lanes.c: when lanes are lent lightly */
    uint64_t handed;            /* items that went from hand to hand, past the slots: L6 */

    /* L6; used by those who call task_done and join only. */
    weft_sync_head joins __attribute__((aligned(64))); /* its guard protects the rest; who joins */
    uint64_t done, done_seen; /* how often task_done was called, and how many items it has seen */
} weft__local;

/* How long after a light lane was called back from another thread the next is lent lightly: after so many
 * lendings to one thread alone. Each time longer, since such a call may take as long as thousands of
 * items. */
enum { WEFT__CALM_FIRST = 4, WEFT__CALM_MOST = 1 << 20 };

/* weft__end_hold_back: so few are few; about half a microsecond. And how far ahead slots are fetched. */
enum { WEFT__END_FEW = 32, WEFT__END_MOMENT = 32, WEFT__END_AHEAD = 128 };

static inline void weft__item_copy(void *to, const void *from, size_t len)
{
    if (len == 8)
        memcpy(to, from, 8);
    else if (len == 16)
        memcpy(to, from, 16);
    else if (len > 0)
        memcpy(to, from, len);
}

static inline char *weft__local_slot(const weft__local *q, size_t at)
{
    return q->slots + at * q->stride;
}

static inline size_t weft__local_next(const weft__local *q, size_t at)
{
    return at + 1 == q->capacity ? 0 : at + 1;
}

/* Look at the other end's count. */
static inline void weft__end_look(weft__end *e, weft__end *other)
{
    uint64_t now = weft_atomic_load(&other->count, WEFT_ACQUIRE); /* pairs with shown */
    e->gained = now - e->seen;
    e->seen = now;
}

/* How many slots this end has used so far, those too that are open. */
static inline uint64_t weft__end_used(weft__end *e)
{
    return weft_atomic_load(&e->count, WEFT_RELAXED) + e->open; /* its own */
}

/* Whether there is a free slot beyond those that are claimed. By who may work at the end. */
static inline bool weft__local_room(weft__local *q)
{
    uint64_t used = weft__end_used(&q->put);
    if (used - q->put.seen < q->capacity)
        return true;
    weft__end_look(&q->put, &q->get);
    return used - q->put.seen < q->capacity;
}

/* Whether there is an item beyond those that are taken. By who may work at the end. */
static inline bool weft__local_items(weft__local *q)
{
    uint64_t used = weft__end_used(&q->get);
    if (used != q->get.seen)
        return true;
    weft__end_look(&q->get, &q->put);
    return used != q->get.seen;
}

/* In the lane of `e`, which has used up what it had seen. If the last look brought little, the two threads
 * are close together, and each look takes the line of the count away from the other: better a moment later
 * and more. */
static inline void weft__end_hold_back(const weft__end *e)
{
    if (e->gained >= WEFT__END_FEW || weft__lane_is_light(&e->lane))
        return;
    for (int i = 0; i < WEFT__END_MOMENT; i++)
        weft__cpu_relax();
}

/* The next slot of this end is for the other one now. */
static inline void weft__end_shown(weft__local *q, weft__end *e)
{
    e->at = weft__local_next(q, e->at);
    /* pairs with room and items: what the slot holds, or that it is no longer read */
    weft_atomic_store(&e->count, weft_atomic_load(&e->count, WEFT_RELAXED) + 1, WEFT_RELEASE);
}

/* Write an item into slot `at`. Most queues have items of one length: what need not be written is only read,
 * and stays in the caches of both sides. */
static inline void weft__local_write(weft__local *q, size_t at, const void *data, size_t len)
{
    weft__item_copy(weft__local_slot(q, at), data, len);
    if (q->lengths[at] != (uint32_t)len)
        q->lengths[at] = (uint32_t)len;
}

/* Put without the guard. False: it takes the guard. */
static inline bool weft__local_put_in_lane(weft__local *q, const void *data, size_t len)
{
    weft__end *e = &q->put;
    if (!weft__lane_enter(&e->lane, weft__thread_mark()))
        return false;
    if (weft__end_used(e) - e->seen >= q->capacity)
        weft__end_hold_back(e);
    bool room = weft__local_room(q);
    if (room) {
        weft__local_write(q, e->at, data, len);
        weft__end_shown(q, e);
        /* The slots of the next lines were read by the other thread; they are fetched meanwhile. */
        __builtin_prefetch(weft__local_slot(q, e->at) + WEFT__END_AHEAD, 1);
    }
    weft__lane_leave(&e->lane);
    return room;
}

/* Get without the guard. False: it takes the guard. */
static inline bool weft__local_get_in_lane(weft__local *q, void *buf, size_t cap, size_t *len)
{
    weft__end *e = &q->get;
    if (!weft__lane_enter(&e->lane, weft__thread_mark()))
        return false;
    if (weft__end_used(e) == e->seen)
        weft__end_hold_back(e);
    bool fits = weft__local_items(q) && q->lengths[e->at] <= cap;
    if (fits) {
        *len = q->lengths[e->at];
        weft__item_copy(buf, weft__local_slot(q, e->at), *len);
        weft__end_shown(q, e);
    }
    weft__lane_leave(&e->lane);
    return fits;
}

/* With the guard: local.c. As the functions of weft/queue.h without weft_ before them. */
weft_err weft__local_put(weft__local *q, const void *data, size_t len, weft_deadline by);
weft_err weft__local_get(weft__local *q, void *buf, size_t cap, size_t *len, weft_deadline by);
weft_err weft__local_claim(weft__local *q, void **slot, weft_deadline by);
weft_err weft__local_commit(weft__local *q, void *slot, size_t len);
weft_err weft__local_take(weft__local *q, void **slot, size_t *len, weft_deadline by);
weft_err weft__local_done(weft__local *q, void *slot);
void weft__local_end(weft__local *q);
/* lanes.c, with the guard held: no lane is lent from now on, and nobody works at an end but the caller, `me`. */
void weft__local_stop(weft__local *q, uintptr_t me);
/* The caller worked at `e` and nobody had to wait: it may be one that comes again and again. */
void weft__local_came(weft__local *q, weft__end *e, const weft__end *other, uintptr_t me);
/* join.c: weft_queue_task_done and weft_queue_join. */
void weft__local_task_done(weft__local *q, const char *where);
weft_err weft__local_join(weft__local *q, weft_deadline by);
/* Whether somebody joins. */
bool weft__local_joined(weft__local *q);
/* Nobody may use it any more; returns how many items were left. */
uint64_t weft__local_close(weft__local *q, const char *where);

#endif
