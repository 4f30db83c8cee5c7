/* weft/sync.h: lock, rwlock, cond, sem, event, barrier, once; the same ones for threads and tasks.
 *
 *     static weft_lock lock = WEFT_LOCK_INIT("totals");
 *     e = weft_lock_acquire(&lock, weft_in_ms(10));   // WEFT_LATE, WEFT_CANCELLED: not held
 *     ...
 *     weft_lock_release(&lock);
 *
 *     weft_sem slots;                                  // at most 100 tasks at a time
 *     weft_sem_init(&slots, "connections", 100);
 *     while (weft_sem_acquire(&slots, WEFT_FOREVER) == WEFT_OK) ... weft_go(&scope, serve, next);
 *     ...                                              // and serve ends with weft_sem_release(&slots)
 *
 * A task that waits leaves its worker free; a thread that waits sleeps. A wait that ends late or
 * cancelled has had no effect, except that weft_cond_wait always returns with its lock held. A deadline
 * that has passed polls: what can be had at once is had, whatever the clock says. A task that was
 * cancelled gets WEFT_CANCELLED from every one of these waits, also from one that need not wait.
 *
 * Nobody starves. Sem, cond and once serve waiters in the order of their arrival, and what is released
 * goes straight to the one that waited longest. Event and barrier let go everybody who waits, at once.
 * The lock and the rwlock state their policy below.
 *
 * Each lives in the caller's memory, allocates nothing and has no destructor. Whoever comes back from a
 * wait because it was let go may free it at once, if nobody else will use it any more: those that were
 * let go together with it, and the one that let them go, do not touch it again.
 *
 * Sizes: event and cond 32 bytes and a word or none (40, 32), sem and barrier 40, once and rwlock 48,
 * lock 64, which is one line of the cache. None fits in 8: each has its name and its queue of waiters
 * inside, so that a wait can say what it waits for, and so that there is no table behind it that all
 * locks of a program would share, and contend for, and that would have to grow.
 */
#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every primitive starts with. Internal; here so that the primitives can be initialised
 * statically. `guard` protects the rest and is never held across a wait. */
typedef struct weft_sync_head {
    WEFT_ATOMIC(uint32_t) guard;
    uint32_t spare;
    void *first, *last; /* waiters, in the order of their arrival */
    const char *name;
} weft_sync_head;

#define WEFT_SYNC_HEAD_INIT(n)                                                                     \
    {                                                                                              \
        WEFT_ATOMIC_INIT(0), 0, NULL, NULL, (n)                                                    \
    }

/* lib/sync/lock.c says who writes what. */
typedef struct weft_lock {
    weft_sync_head head;
    WEFT_ATOMIC(uintptr_t) word; /* who holds it, and two bits */
    void *woken;                 /* who was woken to try for it */
    int64_t since;               /* since when that one has been waiting */
    uint32_t passed;             /* how often it has been passed over */
    uint32_t spare;
} weft_lock;

typedef struct weft_rwlock {
    weft_sync_head head;
    void *writer;    /* who writes, or NULL */
    int64_t readers; /* how many read */
} weft_rwlock;

typedef struct weft_cond {
    weft_sync_head head;
} weft_cond;

typedef struct weft_sem {
    weft_sync_head head;
    WEFT_ATOMIC(int64_t) value; /* units; -1: none, and somebody waits */
} weft_sem;

typedef struct weft_event {
    weft_sync_head head;
    WEFT_ATOMIC(uint32_t) word; /* set, or not, or not and somebody waits */
    uint32_t spare;
} weft_event;

typedef struct weft_barrier {
    weft_sync_head head;
    uint32_t parties, arrived;
} weft_barrier;

typedef struct weft_once {
    weft_sync_head head;
    WEFT_ATOMIC(uint32_t) word; /* how far it is */
    uint32_t spare;
    void *runner; /* who runs the function */
} weft_once;

#define WEFT_LOCK_INIT(name)                                                                       \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), WEFT_ATOMIC_INIT(0), NULL, 0, 0, 0                              \
    }
#define WEFT_RWLOCK_INIT(name)                                                                     \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), NULL, 0                                                         \
    }
#define WEFT_COND_INIT(name)                                                                       \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name)                                                                  \
    }
#define WEFT_SEM_INIT(name, value)                                                                 \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), WEFT_ATOMIC_INIT(value)                                         \
    }
#define WEFT_EVENT_INIT(name)                                                                      \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), WEFT_ATOMIC_INIT(0), 0                                          \
    }
#define WEFT_BARRIER_INIT(name, n)                                                                 \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), (n), 0                                                          \
    }
#define WEFT_ONCE_INIT(name)                                                                       \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), WEFT_ATOMIC_INIT(0), 0, NULL                                    \
    }

/* The lock. Where nobody contends for it, taking and releasing it are one compare-and-swap each.
 * Where somebody does, a lock that is released may be taken by whoever comes first, while one that waits
 * is woken to try for it; that keeps its holder's CPU at work. But whoever has waited for half a
 * millisecond gets it next, handed over by the one that releases it. A caller that finds it held looks
 * for about a microsecond, if the holder can be running on another CPU, before it waits. */

/* Make a lock that nobody holds. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `l`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_lock_init(weft_lock *l, const char *name);

/* Take the lock. Taking one that the caller already holds aborts with the caller's place in the
 * source: it could never end.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: the lock until released.
 * Caller: anyone.   Switches: yes. */
#define weft_lock_acquire(l, by) weft_lock_acquire_at((l), (by), WEFT_HERE)

/* As weft_lock_acquire, for a caller that passes on where it was called from.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: the lock until released.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_lock_acquire_at(weft_lock *l, weft_deadline by,
                                                    const char *where);

/* Release the lock. Releasing one that the caller does not hold
 * aborts with the caller's place in the source.
 * Returns nothing.   Owns: the lock is given up.   Caller: its holder.   Switches: no. */
#define weft_lock_release(l) weft_lock_release_at((l), WEFT_HERE)

/* As weft_lock_release, for a caller that passes on where it was called from.
 * Returns nothing.   Owns: the lock is given up.   Caller: its holder.   Switches: no. */
WEFT_API void weft_lock_release_at(weft_lock *l, const char *where);

/* The rwlock: many may read, or one may write. A writer that waits keeps out those that come to read
 * after it; those that waited to read while somebody wrote go in together when it is done, before the
 * next writer. So a reader waits for one writer at most once it waits, and a writer for those that came
 * before it. Who reads must not acquire it again: with a writer waiting between, neither could go on. */

/* Make a rwlock that nobody holds. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `l`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_rwlock_init(weft_rwlock *l, const char *name);

/* Take the lock to read. The one that writes aborts: it could never end.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: a share of the lock until
 * released.   Caller: anyone.   Switches: yes. */
#define weft_rwlock_read(l, by) weft_rwlock_read_at((l), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_rwlock_read_at(weft_rwlock *l, weft_deadline by,
                                                   const char *where);

/* Take the lock to write. The one that writes already aborts: it could never end.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: the lock until released.
 * Caller: anyone.   Switches: yes. */
#define weft_rwlock_write(l, by) weft_rwlock_write_at((l), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_rwlock_write_at(weft_rwlock *l, weft_deadline by,
                                                    const char *where);

/* Release what the caller holds, to read or to write. Releasing one that nobody holds, or that somebody
 * else writes, aborts with the caller's place in the source.
 * Returns nothing.   Owns: what was held is given up.   Caller: a holder.   Switches: no. */
#define weft_rwlock_release(l) weft_rwlock_release_at((l), WEFT_HERE)
WEFT_API void weft_rwlock_release_at(weft_rwlock *l, const char *where);

/* Make a condition without waiters. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `c`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_cond_init(weft_cond *c, const char *name);

/* Release `l`, wait for a notification, take `l` again. The lock is held on return, whatever the
 * return is, and taking it again is neither late nor cancelled. Test the condition in a loop.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED.   Owns: `l` stays held by the caller.
 * Caller: the holder of `l`; anything else aborts.   Switches: yes. */
#define weft_cond_wait(c, l, by) weft_cond_wait_at((c), (l), (by), WEFT_HERE)

/* As weft_cond_wait, for a caller that passes on where it was called from.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED.   Owns: `l` stays held by the caller.
 * Caller: the holder of `l`; anything else aborts.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_cond_wait_at(weft_cond *c, weft_lock *l, weft_deadline by,
                                                 const char *where);

/* Let the one that waited longest go on, if there is one.
 * Returns nothing.   Owns: nothing.   Caller: anyone, usually the holder of the lock.
 * Switches: no. */
WEFT_API void weft_cond_notify(weft_cond *c);

/* Let all that wait go on.
 * Returns nothing.   Owns: nothing.   Caller: anyone, usually the holder of the lock.
 * Switches: no. */
WEFT_API void weft_cond_notify_all(weft_cond *c);

/* Make a semaphore of `value` units, 0 or more, else it aborts with the caller's place in the source.
 * `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `s`.   Caller: anyone.   Switches: no. */
#define weft_sem_init(s, name, value) weft_sem_init_at((s), (name), (value), WEFT_HERE)
WEFT_API void weft_sem_init_at(weft_sem *s, const char *name, int64_t value, const char *where);

/* Take one unit. A semaphore initialised with less than none aborts with the caller's place in the
 * source.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED (nothing was taken).   Owns: one unit.
 * Caller: anyone.   Switches: yes. */
#define weft_sem_acquire(s, by) weft_sem_acquire_at((s), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_sem_acquire_at(weft_sem *s, weft_deadline by,
                                                   const char *where);

/* Give one unit back, or put one in: to the one that waited longest, if somebody waits. More than
 * INT64_MAX units, or less than none to begin with, abort with the caller's place in the source.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
#define weft_sem_release(s) weft_sem_release_at((s), WEFT_HERE)
WEFT_API void weft_sem_release_at(weft_sem *s, const char *where);

/* Make an event that is not set. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `ev`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_event_init(weft_event *ev, const char *name);

/* Set the event: all that wait for it go on, and later waits do not wait.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_event_set(weft_event *ev);

/* Clear the event: later waits wait again.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_event_clear(weft_event *ev);

/* Wait until the event is set.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED.   Owns: nothing.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_event_wait(weft_event *ev, weft_deadline by);

/* Make a barrier for `parties` callers, at least one, else it aborts with the caller's place in the
 * source. `name` is kept, not copied.
 * Returns nothing.   Owns: the caller owns `b`.   Caller: anyone.   Switches: no. */
#define weft_barrier_init(b, name, parties) weft_barrier_init_at((b), (name), (parties), WEFT_HERE)
WEFT_API void weft_barrier_init_at(weft_barrier *b, const char *name, uint32_t parties,
                                   const char *where);

/* Wait until all parties came; then the next round begins. A caller that leaves late or cancelled has
 * not come. A barrier initialised for no parties aborts with the caller's place in the source.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED.   Owns: nothing.   Caller: anyone.   Switches: yes. */
#define weft_barrier_wait(b, by) weft_barrier_wait_at((b), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_barrier_wait_at(weft_barrier *b, weft_deadline by,
                                                    const char *where);

/* Make a once that has not been run. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `o`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_once_init(weft_once *o, const char *name);

/* Have fn(arg) run to success exactly once. The first caller runs it, others wait for its end. If it
 * returns an error, its caller gets that, and the next one that wants it runs it again; so does a run
 * that was cancelled. A call from within fn aborts: it could never end.
 * Returns WEFT_OK (it has succeeded, and what it wrote is there to read), what fn returned to this
 * caller, or WEFT_LATE or WEFT_CANCELLED: not run by this caller.   Owns: nothing.
 * Caller: anyone.   Switches: yes. */
#define weft_once_run(o, fn, arg, by) weft_once_run_at((o), (fn), (arg), (by), WEFT_HERE)
WEFT_API WEFT_CHECKED weft_err weft_once_run_at(weft_once *o, weft_err (*fn)(void *arg), void *arg,
                                                weft_deadline by, const char *where);

#ifdef __cplusplus
}
#endif
#endif
