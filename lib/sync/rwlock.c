/* All of it under the guard.
 *
 * RW1 Somebody is in the queue only while somebody writes, or reads and a writer is in the queue.
 * RW2 Who is taken out of the queue holds the lock from then on: it is counted before it is let go. */
#include "port/err.h"
#include "task/wait.h"
#include "weft/task.h"

_Static_assert(sizeof(weft_rwlock) == 48, "as sync.h says");

/* What those in the queue want: tags. */
static char to_read, to_write;

void weft_rwlock_init(weft_rwlock *l, const char *name)
{
    *l = (weft_rwlock)WEFT_RWLOCK_INIT(name);
}

static weft__wait *next_of(weft__wait *w, const void *tag)
{
    while (w && w->tag != tag)
        w = w->next;
    return w;
}

/* Guard held: take out all that want to read, and count them. */
static weft__wait *admit_readers(weft_rwlock *l)
{
    weft__wait *list = NULL, **end = &list, *next;
    for (weft__wait *w = next_of(weft__wait_first(&l->head), &to_read); w; w = next) {
        next = next_of(w->next, &to_read);
        weft__wait_take(&l->head, w);
        l->readers++;
        *end = w;
        end = &w->next;
    }
    return list;
}

/* Guard held, nobody holds the lock: take out who is next. The readers that waited for a writer go before
 * the next writer; after readers the first in the queue is a writer (RW1). */
static weft__wait *admit_next(weft_rwlock *l)
{
    weft__wait *list = admit_readers(l);
    if (list)
        return list;
    weft__wait *first = weft__wait_first(&l->head);
    if (first) {
        weft__wait_take(&l->head, first);
        l->writer = first->who;
    }
    return first;
}

/* Guard held: one has left the queue in vain. If it was the last writer there, those that read keep nobody
 * out any more. The lock stays while this goes on, since the one that leaves has not returned yet. */
static void left(weft_sync_head *q, void *lock)
{
    weft_rwlock *l = (weft_rwlock *)lock;
    if (l->writer || next_of(weft__wait_first(q), &to_write))
        return;
    for (weft__wait *w = admit_readers(l), *next; w; w = next) {
        next = w->next; /* before it is gone: R3 */
        weft__wait_let_go(w);
    }
}

static void check_not_writer(weft_rwlock *l, const char *where)
{
    if (l->writer == weft__self())
        weft__misuse(where, "rwlock %s: acquired again by %s, which writes", l->head.name,
                     weft__self()->name);
}

weft_err weft_rwlock_read_at(weft_rwlock *l, weft_deadline by, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(g);
    check_not_writer(l, where);
    if (l->writer || weft__wait_first(&l->head))
        return weft__wait_in_or(&l->head, "rwlock", &to_read, 0, by, left, l);
    l->readers++;
    weft__guard_drop(g);
    return WEFT_OK;
}

weft_err weft_rwlock_write_at(weft_rwlock *l, weft_deadline by, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(g);
    check_not_writer(l, where);
    if (l->writer || l->readers > 0)
        return weft__wait_in_or(&l->head, "rwlock", &to_write, 0, by, left, l);
    l->writer = weft__self();
    weft__guard_drop(g);
    return WEFT_OK;
}

void weft_rwlock_release_at(weft_rwlock *l, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    weft__wait *list = NULL;
    weft__guard_take(g);
    if (l->writer ? l->writer != weft__self() : l->readers == 0)
        weft__misuse(where, "rwlock %s: released by %s, which does not hold it", l->head.name,
                     weft__self()->name);
    if (l->writer)
        l->writer = NULL;
    else
        l->readers--;
    if (l->readers == 0)
        list = admit_next(l);
    weft__guard_drop(g);
    weft__wait_let_all_go(list);
}
