/* Who waits for which descriptor. The entry of a descriptor outlives it, and so may its last events, which are on
 * their way from the poller when it is closed: each time that somebody has the poller watch, the key gets another
 * number, and an event with an older one is nobody's. Nothing is lost with it: the poller looks anew when it is
 * told to watch.
 *
 * A descriptor of the program's own is watched for one event at a time: whoever serves the event lets its
 * waiters go and watches for what others still wait for. A stream's is watched once, for changes:
 *
 * E1 An event sets its bits in `seen`, under the guard, and then lets go who waits for one of them.
 * E2 Who wants to read or write clears its bit before it tries, and waits only if the bit is clear, which it
 *    looks for under the guard. So a change after the try is noted, or wakes.
 * E3 END, which comes with a readable one, says that there may be no further change. Who took it gives it
 *    back, unless a read found nothing. URGENT stays.
 */
#include <stdlib.h>

#include "loop/loop.h"
#include "port/err.h"
#include "port/fd.h"
#include "task/worker.h"
#include "weft/io.h"

enum { CHUNK = 256, CHUNKS = 4096 };

/* An entry. */
struct weft__ready {
    weft_sync_head waiters;     /* at most one for each direction; the tag is the weft_readiness */
    WEFT_ATOMIC(uint32_t) seen; /* of a stream's: E1 */
    bool edge, shut;            /* it is a stream's; which is being closed; under the guard */
    uint32_t nth;               /* of the watches; under the guard */
};

/* Entries by descriptor, in chunks that stay where they are. */
struct weft__readiness {
    weft__guard guard;                         /* of adding chunks */
    WEFT_ATOMIC(weft__ready *) chunks[CHUNKS]; /* set once; read by everybody */
};

static weft__ready *find_entry(struct weft__readiness *r, int fd)
{
    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return NULL;
    /* pairs with add_chunk */
    weft__ready *chunk = weft_atomic_load(&r->chunks[fd / CHUNK], WEFT_ACQUIRE);
    return chunk ? &chunk[fd % CHUNK] : NULL;
}

static weft_err add_chunk(struct weft__readiness *r, int fd)
{
    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return weft__fail(WEFT_INVALID, "descriptor %d cannot be waited for", fd);
    weft_err e = WEFT_OK;
    weft__guard_take(&r->guard);
    if (!find_entry(r, fd)) {
        weft__ready *chunk = calloc(CHUNK, sizeof *chunk);
        for (int i = 0; chunk && i < CHUNK; i++)
            weft__sync_init(&chunk[i].waiters, "descriptor");
        if (chunk)
            weft_atomic_store(&r->chunks[fd / CHUNK], chunk, WEFT_RELEASE); /* find_entry */
        else
            e = weft__fail(WEFT_NOMEM, "waiting for descriptor %d: out of memory", fd);
    }
    weft__guard_drop(&r->guard);
    return e;
}

static weft_err have_entry(struct weft__readiness *r, int fd)
{
    return find_entry(r, fd) ? WEFT_OK : add_chunk(r, fd);
}

static unsigned wanted(const weft_sync_head *q)
{
    unsigned mask = 0;
    for (const weft__wait *w = q->first; w; w = w->next)
        mask |= (unsigned)(uintptr_t)w->tag;
    return mask;
}

_Static_assert((int)WEFT_READABLE == (int)WEFT__POLL_IN &&
                   (int)WEFT_WRITABLE == (int)WEFT__POLL_OUT,
               "one set of bits");

static uint64_t key_of(const weft__ready *r, int fd)
{
    return (uint64_t)r->nth << 32 | (uint32_t)fd;
}

static void ready(weft *w, uint64_t key, unsigned what)
{
    int fd = (int)(uint32_t)key;
    weft__ready *e = find_entry(w->readiness, fd);
    if (!e)
        return;
    weft_sync_head *q = &e->waiters;
    weft__guard_take(weft__sync_guard(q));
    if (key != key_of(e, fd)) { /* of an earlier watch */
        weft__guard_drop(weft__sync_guard(q));
        return;
    }
    if (e->edge)
        weft_atomic_fetch_or(&e->seen, what, WEFT_RELEASE); /* E1; pairs with take */
    for (weft__wait *x = q->first, *next; x; x = next) {
        next = x->next;
        if ((unsigned)(uintptr_t)x->tag & what)
            weft__wait_grant(q, x);
    }
    unsigned left = e->edge ? 0 : wanted(q);
    if (left)
        (void)weft__poller_set(&w->poll.poller, fd, left | WEFT__POLL_ONCE, key);
    weft__guard_drop(weft__sync_guard(q));
}

/* Nobody came: watch for what the other waits for, or not at all. Being told to forget a descriptor, the system
 * first ends to look at it; one that it looks at when it is closed stays open until the poller returns. */
static void leave_watch(weft *w, const weft__ready *r, int fd)
{
    unsigned left = wanted(&r->waiters);
    if (left)
        (void)weft__poller_set(&w->poll.poller, fd, left | WEFT__POLL_ONCE, key_of(r, fd));
    else
        weft__poller_unset(&w->poll.poller, fd);
}

/* The entry's guard is held. */
static weft_err wait_in_entry(weft *w, weft__ready *r, int fd, unsigned what, weft_deadline by)
{
    weft_sync_head *q = &r->waiters;
    unsigned others = wanted(q);
    if (others & what)
        return weft__fail(WEFT_INVALID, "descriptor %d: somebody waits for it already", fd);
    r->nth++;
    weft_err e =
        weft__poller_set(&w->poll.poller, fd, others | what | WEFT__POLL_ONCE, key_of(r, fd));
    if (e != WEFT_OK) {
        r->nth--; /* what is watched has the one before */
        return e;
    }
    weft_atomic_fetch_add(&w->poll.watched, 1, WEFT_RELAXED);
    q->name = "descriptor"; /* a stream had its own */
    e = weft__wait_held(q, "ready", (void *)(uintptr_t)what, 0, by);
    weft_atomic_fetch_sub(&w->poll.watched, 1, WEFT_RELAXED);
    if (e != WEFT_OK && !r->edge)
        leave_watch(w, r, fd);
    return e;
}

/* By the thread itself. */
static weft_err wait_here(int fd, unsigned mask, weft_deadline by)
{
    weft_err e = weft__fd_wait(fd, mask, by.ns);
    return e == WEFT_LATE ? weft__fail(e, "ready: descriptor %d was not before the deadline", fd)
                          : e;
}

weft_err weft_ready(int fd, weft_readiness what, weft_deadline by)
{
    weft *w = weft_here();
    unsigned mask = (unsigned)what;
    if (mask != WEFT_READABLE && mask != WEFT_WRITABLE)
        return weft__fail(WEFT_INVALID, "descriptor %d: %u is no readiness", fd, mask);
    if (fd < 0)
        return weft__fail(WEFT_INVALID, "descriptor %d cannot be waited for", fd);
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "ready: %s was cancelled", weft_task_name());
    if (!w || by.ns == INT64_MIN)
        return wait_here(fd, mask, by);
    weft_err e = have_entry(w->readiness, fd);
    if (e != WEFT_OK)
        return e;
    weft__ready *r = find_entry(w->readiness, fd);
    weft_sync_head *q = &r->waiters;
    weft__guard_take(weft__sync_guard(q));
    e = r->edge ? weft__fail(WEFT_INVALID, "descriptor %d: a stream has it", fd)
                : wait_in_entry(w, r, fd, mask, by);
    weft__guard_drop(weft__sync_guard(q));
    /* It may have become so since the poller was asked; and a deadline that has passed polls. */
    return e == WEFT_LATE ? wait_here(fd, mask, WEFT_NOW) : e;
}

/* What a stream's descriptor is watched for. */
enum { CHANGES = WEFT__POLL_IN | WEFT__POLL_OUT | WEFT__POLL_EDGE };

weft_err weft__ready_adopt(weft *w, int fd, weft__ready **out)
{
    weft_err e = have_entry(w->readiness, fd);
    if (e != WEFT_OK)
        return e;
    weft__ready *r = find_entry(w->readiness, fd);
    weft__guard *g = weft__sync_guard(&r->waiters);
    weft__guard_take(g);
    if (r->edge || r->waiters.first)
        e = weft__fail(WEFT_INVALID, "descriptor %d: somebody else has it", fd);
    if (e == WEFT_OK) {
        r->nth++;
        e = weft__poller_set(&w->poll.poller, fd, CHANGES, key_of(r, fd));
    }
    if (e == WEFT_OK) {
        r->edge = true;
        r->shut = false;
        weft_atomic_store(&r->seen, WEFT_READABLE | WEFT_WRITABLE, WEFT_RELAXED);
        weft_atomic_fetch_add(&w->poll.watched, 1, WEFT_RELAXED);
        *out = r;
    }
    weft__guard_drop(g);
    return e;
}

weft_err weft__ready_replace(weft *w, weft__ready *r, int fd, int anew)
{
    weft__poller_unset(&w->poll.poller, fd);
    weft_err e = weft__fd_replace(fd, anew);
    return e == WEFT_OK ? weft__poller_set(&w->poll.poller, fd, CHANGES, key_of(r, fd)) : e;
}

void weft__ready_drop(weft *w, weft__ready *r, int fd)
{
    weft__guard *g = weft__sync_guard(&r->waiters);
    weft__poller_unset(&w->poll.poller, fd);
    weft__guard_take(g);
    r->edge = r->shut = false;
    weft__guard_drop(g);
    weft_atomic_fetch_sub(&w->poll.watched, 1, WEFT_RELAXED);
}

unsigned weft__ready_take(weft__ready *r, unsigned what)
{
    uint32_t bits = what | (what & WEFT_READABLE ? WEFT__POLL_END : 0);
    if (!(weft_atomic_load(&r->seen, WEFT_RELAXED) & what))
        return 0;
    /* E2; pairs with ready */
    return weft_atomic_fetch_and(&r->seen, ~bits, WEFT_ACQ_REL) & (bits | WEFT__POLL_URGENT);
}

void weft__ready_again(weft__ready *r, unsigned what)
{
    weft_atomic_fetch_or(&r->seen, what, WEFT_RELAXED); /* its own next try takes it */
}

weft_err weft__ready_wait(weft__ready *r, unsigned what, const char *verb, const char *name,
                          weft_deadline by)
{
    weft_sync_head *q = &r->waiters;
    weft__guard_take(weft__sync_guard(q));
    uint32_t seen = weft_atomic_load(&r->seen, WEFT_RELAXED); /* E2: under the guard */
    if (r->shut || seen & what) {
        weft_err e = r->shut ? WEFT_CLOSED : WEFT_OK;
        weft__guard_drop(weft__sync_guard(q));
        return e;
    }
    q->name = name;
    return weft__wait_in(q, verb, (void *)(uintptr_t)what, 0, by);
}

void weft__ready_shut(weft__ready *r)
{
    weft_sync_head *q = &r->waiters;
    weft__guard_take(weft__sync_guard(q));
    r->shut = true;
    weft__wait *all = weft__wait_take_all(q);
    weft__guard_drop(weft__sync_guard(q));
    weft__wait_let_all_go(all);
}

weft_err weft__readiness_open(weft *w)
{
    w->readiness = calloc(1, sizeof *w->readiness);
    if (!w->readiness)
        return weft__fail(WEFT_NOMEM, "readiness: out of memory");
    w->poll.ready = ready;
    return WEFT_OK;
}

void weft__readiness_close(weft *w)
{
    if (!w->readiness)
        return;
    for (int i = 0; i < CHUNKS; i++)
        free(weft_atomic_load(&w->readiness->chunks[i], WEFT_RELAXED));
    free(w->readiness);
    w->readiness = NULL;
}
