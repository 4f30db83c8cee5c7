/* Who waits for which descriptor. The poller watches a descriptor for one event at a time: whoever
 * serves the event lets its waiters go and watches for what others still wait for. The entry of a
 * descriptor outlives it: a late event of a closed one finds nobody, or wakes its successor early,
 * which then sees for itself. */
#include <stdlib.h>

#include "loop/loop.h"
#include "port/err.h"
#include "port/fd.h"
#include "task/worker.h"
#include "weft/io.h"

enum { CHUNK = 256, CHUNKS = 4096 };

struct entry {
    weft_sync_head waiters; /* at most one for each direction; the tag is the weft_readiness */
};

/* Entries by descriptor, in chunks that stay where they are. */
struct weft__readiness {
    weft__guard guard;                          /* of adding chunks */
    WEFT_ATOMIC(struct entry *) chunks[CHUNKS]; /* set once; read by everybody */
};

static struct entry *find_entry(struct weft__readiness *r, int fd)
{
    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return NULL;
    /* pairs with add_chunk */
    struct entry *chunk = weft_atomic_load(&r->chunks[fd / CHUNK], WEFT_ACQUIRE);
    return chunk ? &chunk[fd % CHUNK] : NULL;
}

static weft_err add_chunk(struct weft__readiness *r, int fd)
{
    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return weft__fail(WEFT_INVALID, "descriptor %d cannot be waited for", fd);
    weft_err e = WEFT_OK;
    weft__guard_take(&r->guard);
    if (!find_entry(r, fd)) {
        struct entry *chunk = calloc(CHUNK, sizeof *chunk);
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

static void ready(weft *w, uint64_t key, unsigned what)
{
    int fd = (int)key;
    struct entry *e = find_entry(w->readiness, fd);
    if (!e)
        return;
    weft_sync_head *q = &e->waiters;
    weft__guard_take(weft__sync_guard(q));
    for (weft__wait *x = q->first, *next; x; x = next) {
        next = x->next;
        if ((unsigned)(uintptr_t)x->tag & what)
            weft__wait_grant(q, x);
    }
    unsigned left = wanted(q);
    if (left)
        (void)weft__poller_set(&w->poll.poller, fd, left | WEFT__POLL_ONCE, key);
    weft__guard_drop(weft__sync_guard(q));
}

/* The entry's guard is held. */
static weft_err wait_in_entry(weft *w, weft_sync_head *q, int fd, unsigned what, weft_deadline by)
{
    unsigned others = wanted(q);
    if (others & what)
        return weft__fail(WEFT_INVALID, "descriptor %d: somebody waits for it already", fd);
    weft_err e =
        weft__poller_set(&w->poll.poller, fd, others | what | WEFT__POLL_ONCE, (uint64_t)fd);
    if (e != WEFT_OK)
        return e;
    weft_atomic_fetch_add(&w->poll.watched, 1, WEFT_RELAXED);
    e = weft__wait_held(q, "descriptor", (void *)(uintptr_t)what, 0, by);
    weft_atomic_fetch_sub(&w->poll.watched, 1, WEFT_RELAXED);
    if (e != WEFT_OK) /* nobody came: watch for what the other waits for, or for nothing */
        (void)weft__poller_set(&w->poll.poller, fd, wanted(q) | WEFT__POLL_ONCE, (uint64_t)fd);
    return e;
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
        return WEFT_CANCELLED;
    if (!w || by.ns == INT64_MIN)
        return weft__fd_wait(fd, mask, by.ns);
    weft_err e = find_entry(w->readiness, fd) ? WEFT_OK : add_chunk(w->readiness, fd);
    if (e != WEFT_OK)
        return e;
    weft_sync_head *q = &find_entry(w->readiness, fd)->waiters;
    weft__guard_take(weft__sync_guard(q));
    e = wait_in_entry(w, q, fd, mask, by);
    weft__guard_drop(weft__sync_guard(q));
    return e;
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
