/* One word says who holds the lock: the address of its waiter and two bits.
 *
 * L1 Who finds no holder may put itself there, by a compare-and-swap that leaves the bits as they are. Only
 *    the holder takes itself out: it leaves nobody, or it hands over to somebody who waits.
 * L2 QUEUED: the queue is not empty. Changed under the guard, and set only while somebody holds the lock, in
 *    the same step that sees this: the release that follows finds it.
 * L3 WOKEN: somebody was taken out of the queue to try for the lock, and has not come yet. Set by the one
 *    that releases. Cleared by the one woken, as it takes the lock, or as it goes back into the queue, which
 *    is a step as in L2; or by the one that hands over to it.
 * L4 A release that leaves nobody there while the queue is not empty wakes the first, unless WOKEN: at most
 *    one tries at a time, and while there is a queue there is a holder or one that tries.
 * L5 A release does not touch the lock after the step that leaves it to others, unless somebody stands in
 *    the queue or was taken out and not let go yet: that one may not free it (R13).
 * L6 `woken`, `since` and `passed` are written by a holder when it sets WOKEN, and used by holders while it
 *    is set.
 */
#include "sync/lock.h"

#include "port/clock.h"
#include "port/err.h"
#include "sync/spin.h"

_Static_assert(sizeof(weft_lock) == 64, "as sync.h says");

static const uintptr_t QUEUED = 1, WOKEN = 2, BITS = 3;

/* Who has waited for so long gets the lock handed over. */
static const int64_t patience_ns = 500000;
/* How often one that was woken is passed over before somebody asks the clock. */
enum { PASSES = 16 };
/* Pauses before one that found it held looks again, at first and at most; each time twice as many. More
 * looks would only slow down the one that holds it. */
enum { FIRST_PAUSES = 8, PAUSES = 32 };

static uintptr_t holder_of(uintptr_t word)
{
    return word & ~BITS;
}

void weft_lock_init(weft_lock *l, const char *name)
{
    *l = (weft_lock)WEFT_LOCK_INIT(name);
}

bool weft__lock_mine(weft_lock *l, const weft__waiter *self)
{
    /* Nobody else writes `self` there while it runs, nor takes it out. */
    return holder_of(weft_atomic_load(&l->word, WEFT_RELAXED)) == (uintptr_t)self;
}

/* Take it if nobody holds it, or if it was handed over; `woken` is WOKEN if the caller was. */
static bool try_once(weft_lock *l, uintptr_t self, uintptr_t woken)
{
    uintptr_t v = weft_atomic_load(&l->word, WEFT_ACQUIRE); /* pairs with give_up, if handed over */
    while (holder_of(v) == 0)
        /* pairs with give_up and wake_first: what the last holder wrote */
        if (weft_atomic_cas(&l->word, &v, (v & ~woken) | self, WEFT_ACQUIRE, WEFT_ACQUIRE))
            return true;
    return holder_of(v) == self;
}

static bool try_for(weft_lock *l, uintptr_t self, uintptr_t woken, bool spin)
{
    if (try_once(l, self, woken))
        return true;
    for (int pauses = FIRST_PAUSES; spin && pauses <= PAUSES; pauses *= 2) {
        for (int i = 0; i < pauses; i++)
            weft__cpu_relax();
        if (try_once(l, self, woken))
            return true;
    }
    return false;
}

/* Guard held. L2, L3: see that it is held, and in that step say that the caller is about to queue. False:
 * the caller has it. */
static bool announce(weft_lock *l, uintptr_t self, uintptr_t woken)
{
    uintptr_t v = weft_atomic_load(&l->word, WEFT_ACQUIRE); /* as in try_once */
    while (holder_of(v) != self) {
        bool held = holder_of(v) != 0;
        /* pairs with give_up: what the last holder wrote, or that there is a queue now */
        if (weft_atomic_cas(&l->word, &v, (v & ~woken) | (held ? QUEUED : self), WEFT_ACQUIRE,
                            WEFT_ACQUIRE))
            return held;
    }
    return false;
}

/* Guard held: one has left the queue in vain. */
static void left(weft_sync_head *q, void *lock)
{
    weft_lock *l = (weft_lock *)lock;
    if (!weft__wait_first(q))
        weft_atomic_fetch_and(&l->word, ~QUEUED, WEFT_RELAXED); /* L2 */
}

static weft_err acquire_slow(weft_lock *l, weft__waiter *waiter, unsigned flags, weft_deadline by)
{
    uintptr_t self = (uintptr_t)waiter, woken = 0;
    bool spin = by.ns != INT64_MIN && weft__spin_pays();
    int64_t since = 0;
    for (;;) {
        if (try_for(l, self, woken, spin))
            return WEFT_OK;
        if (by.ns == INT64_MIN && !woken)
            return weft__fail(WEFT_LATE, "lock %s: somebody holds it", l->head.name);
        weft__guard_take(weft__sync_guard(&l->head));
        if (!announce(l, self, woken)) {
            weft__guard_drop(weft__sync_guard(&l->head));
            return WEFT_OK;
        }
        if (since == 0)
            since = weft__clock_ns();
        weft_err e = weft__wait_in_or(&l->head, "lock", &since,
                                      woken ? flags | WEFT__WAIT_FIRST : flags, by, left, l);
        if (e != WEFT_OK)
            return e;
        woken = WOKEN;
    }
}

/* The holder `self` finds QUEUED and not WOKEN. True: it has given up the lock. False: nobody waits any
 * more. */
static bool wake_first(weft_lock *l)
{
    weft__guard *g = weft__sync_guard(&l->head);
    weft__guard_take(g);
    weft__wait *first = weft__wait_first(&l->head);
    if (!first) {
        weft__guard_drop(g);
        return false;
    }
    int64_t now = weft__clock_ns(), since = *(int64_t *)first->tag;
    weft__wait_take(&l->head, first);
    uintptr_t v = weft__wait_first(&l->head) ? QUEUED : 0;
    if (now - since > patience_ns) {
        v |= (uintptr_t)first->who;
    } else {
        v |= WOKEN;
        l->woken = first->who; /* L6 */
        l->since = since;
        l->passed = 0;
    }
    /* Nobody else changes the word of a lock that is held but under the guard. L5: `first` waits. Pairs
     * with try_once: what this holder wrote. */
    weft_atomic_store(&l->word, v, WEFT_RELEASE);
    weft__guard_drop(g);
    weft__wait_let_go(first);
    return true;
}

/* Whom to leave the lock to, with WOKEN set: nobody, or the one woken, who has been passed over for too
 * long. */
static uintptr_t next_holder(weft_lock *l, uintptr_t word)
{
    bool ask = ++l->passed % PASSES == 0;
    if (!ask || weft__clock_ns() - l->since <= patience_ns)
        return word & BITS;
    return (uintptr_t)l->woken | (word & QUEUED);
}

static void give_up(weft_lock *l, uintptr_t v)
{
    for (;;) {
        if ((v & BITS) == QUEUED) {
            if (wake_first(l))
                return;
            v = weft_atomic_load(&l->word, WEFT_RELAXED);
            continue;
        }
        uintptr_t next = v & WOKEN ? next_holder(l, v) : 0;
        /* pairs with try_once: what this holder wrote. L5 */
        if (weft_atomic_cas(&l->word, &v, next, WEFT_RELEASE, WEFT_RELAXED))
            return;
    }
}

void weft__lock_give(weft_lock *l, weft__waiter *self)
{
    uintptr_t v = (uintptr_t)self;
    /* pairs with weft_lock_acquire_at and try_once */
    if (!weft_atomic_cas(&l->word, &v, 0, WEFT_RELEASE, WEFT_RELAXED))
        give_up(l, v);
}

void weft__lock_take(weft_lock *l, weft__waiter *self)
{
    (void)acquire_slow(l, self, WEFT__WAIT_STEADY, WEFT_FOREVER);
}

weft_err weft_lock_acquire_at(weft_lock *l, weft_deadline by, const char *where)
{
    weft__waiter *self = weft__self();
    uintptr_t nobody = 0;
    if (weft__cancelled(self))
        return WEFT_CANCELLED;
    /* pairs with weft__lock_give */
    if (weft_atomic_cas(&l->word, &nobody, (uintptr_t)self, WEFT_ACQUIRE, WEFT_RELAXED))
        return WEFT_OK;
    if (holder_of(nobody) == (uintptr_t)self)
        weft__misuse(where, "lock %s: acquired again by %s, which holds it", l->head.name,
                     self->name);
    return acquire_slow(l, self, 0, by);
}

void weft_lock_release_at(weft_lock *l, const char *where)
{
    weft__waiter *self = weft__self();
    uintptr_t v = (uintptr_t)self;
    /* pairs with weft_lock_acquire_at and try_once: what this holder wrote */
    if (weft_atomic_cas(&l->word, &v, 0, WEFT_RELEASE, WEFT_RELAXED))
        return;
    if (holder_of(v) != (uintptr_t)self)
        weft__misuse(where, "lock %s: released by %s, which does not hold it", l->head.name,
                     self->name);
    give_up(l, v);
}
