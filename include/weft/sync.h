/* weft/sync.h: lock, cond, sem, event, barrier; the same ones for threads and tasks.
 *
 *     static weft_lock lock = WEFT_LOCK_INIT("totals");
 *     e = weft_lock_acquire(&lock, weft_in_ms(10));   // WEFT_LATE, WEFT_CANCELLED: not held
 *     ...
 *     weft_lock_release(&lock);
 *
 * A task that waits leaves its worker free; a thread that waits sleeps. All of them serve waiters in
 * the order of their arrival; what is released goes straight to the one that waited longest, so
 * nobody starves. A wait that ends late or cancelled has had no effect, except that weft_cond_wait
 * always returns with its lock held. Each lives in the caller's memory, has no destructor, and may
 * be freed once everybody who waited has returned: also by the one who was just let go, if it was the
 * only one.
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

typedef struct weft_lock {
    weft_sync_head head;
    void *holder; /* who holds it; written under the guard */
} weft_lock;

typedef struct weft_cond {
    weft_sync_head head;
} weft_cond;

typedef struct weft_sem {
    weft_sync_head head;
    int64_t value;
} weft_sem;

typedef struct weft_event {
    weft_sync_head head;
    bool set;
} weft_event;

typedef struct weft_barrier {
    weft_sync_head head;
    uint32_t parties, arrived;
} weft_barrier;

#define WEFT_LOCK_INIT(name)                                                                       \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), NULL                                                            \
    }
#define WEFT_COND_INIT(name)                                                                       \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name)                                                                  \
    }
#define WEFT_SEM_INIT(name, value)                                                                 \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), (value)                                                         \
    }
#define WEFT_EVENT_INIT(name)                                                                      \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), false                                                           \
    }
#define WEFT_BARRIER_INIT(name, n)                                                                 \
    {                                                                                              \
        WEFT_SYNC_HEAD_INIT(name), (n), 0                                                          \
    }

/* Make a lock that nobody holds. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `l`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_lock_init(weft_lock *l, const char *name);

/* Take the lock. Taking one that the caller already holds aborts: it could never end.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: the lock until released.
 * Caller: anyone.   Switches: yes. */
#define weft_lock_acquire(l, by) weft_lock_acquire_at((l), (by), WEFT_HERE)

/* As weft_lock_acquire, for a caller that passes on where it was called from.
 * Returns WEFT_OK (held), WEFT_LATE or WEFT_CANCELLED (not held).   Owns: the lock until released.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_lock_acquire_at(weft_lock *l, weft_deadline by,
                                                    const char *where);

/* Release the lock to the one that waited longest. Releasing one that the caller does not hold
 * aborts with the caller's place in the source.
 * Returns nothing.   Owns: the lock is given up.   Caller: its holder.   Switches: no. */
#define weft_lock_release(l) weft_lock_release_at((l), WEFT_HERE)

/* As weft_lock_release, for a caller that passes on where it was called from.
 * Returns nothing.   Owns: the lock is given up.   Caller: its holder.   Switches: no. */
WEFT_API void weft_lock_release_at(weft_lock *l, const char *where);

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

/* Make a semaphore of `value` units, 0 or more. `name` is kept, not copied.
 * Returns nothing: it cannot fail.   Owns: the caller owns `s`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_sem_init(weft_sem *s, const char *name, int64_t value);

/* Take one unit.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED (nothing was taken).   Owns: one unit.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_sem_acquire(weft_sem *s, weft_deadline by);

/* Give one unit back, or put one in.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_sem_release(weft_sem *s);

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

/* Make a barrier for `parties` callers, at least one (else it aborts). `name` is kept, not copied.
 * Returns nothing.   Owns: the caller owns `b`.   Caller: anyone.   Switches: no. */
WEFT_API void weft_barrier_init(weft_barrier *b, const char *name, uint32_t parties);

/* Wait until all parties came. A caller that leaves late or cancelled has not come.
 * Returns WEFT_OK, WEFT_LATE or WEFT_CANCELLED.   Owns: nothing.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_barrier_wait(weft_barrier *b, weft_deadline by);

#ifdef __cplusplus
}
#endif
#endif
