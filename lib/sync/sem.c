/* `value` counts units, and is WAITED_FOR exactly while somebody is in the queue: then it changes under the
 * guard only, and a unit goes from hand to hand. Otherwise one compare-and-swap takes or gives a unit, and
 * it is the last access of a release (R13). */
#include "port/err.h"
#include "task/wait.h"
#include "weft/task.h"

_Static_assert(sizeof(weft_sem) == 40, "as sync.h says");

enum { WAITED_FOR = -1 };

void weft_sem_init_at(weft_sem *s, const char *name, int64_t value, const char *where)
{
    if (value < 0)
        weft__misuse(where, "sem %s: made with %lld units: none is the least", name,
                     (long long)value);
    *s = (weft_sem)WEFT_SEM_INIT(name, value);
}

/* Guard held. Less than none since it was made: in a queue without waiters a value is never WAITED_FOR. */
static void check(weft_sem *s, const char *where)
{
    int64_t v = weft_atomic_load(&s->value, WEFT_RELAXED);
    if (v < WAITED_FOR || (v < 0 && !weft__wait_first(&s->head)))
        weft__misuse(where, "sem %s: made with %lld units: none is the least", s->head.name,
                     (long long)v);
}

/* Take a unit if there is one. *v is what was seen. */
static bool take(weft_sem *s, int64_t *v)
{
    *v = weft_atomic_load(&s->value, WEFT_RELAXED);
    while (*v > 0)
        /* pairs with weft_sem_release_at */
        if (weft_atomic_cas(&s->value, v, *v - 1, WEFT_ACQUIRE, WEFT_RELAXED))
            return true;
    return false;
}

/* Guard held. Nobody is left in the queue: there are no units. */
static void none_left(weft_sem *s)
{
    weft_atomic_store(&s->value, 0, WEFT_RELAXED); /* pairs with take and weft_sem_release_at */
}

/* Guard held: one has left the queue in vain. */
static void left(weft_sync_head *q, void *sem)
{
    if (!weft__wait_first(q))
        none_left((weft_sem *)sem);
}

weft_err weft_sem_acquire_at(weft_sem *s, weft_deadline by, const char *where)
{
    weft__guard *g = weft__sync_guard(&s->head);
    int64_t v;
    if (weft_cancelled())
        return WEFT_CANCELLED;
    if (take(s, &v))
        return WEFT_OK;
    weft__guard_take(g);
    do {
        if (take(s, &v)) {
            weft__guard_drop(g);
            return WEFT_OK;
        }
        check(s, where);
        if (v < 0)
            break;
        /* pairs with weft_sem_release_at, which comes for the guard then */
    } while (!weft_atomic_cas(&s->value, &v, WAITED_FOR, WEFT_RELAXED, WEFT_RELAXED));
    return weft__wait_in_or(&s->head, "sem", NULL, 0, by, left, s);
}

/* Somebody waits. False: not any more. */
static bool hand_over(weft_sem *s, const char *where)
{
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    check(s, where);
    weft__wait *first = weft__wait_first(&s->head);
    if (first)
        weft__wait_take(&s->head, first);
    if (!weft__wait_first(&s->head) && weft_atomic_load(&s->value, WEFT_RELAXED) < 0)
        none_left(s);
    weft__guard_drop(g);
    if (first)
        weft__wait_let_go(first);
    return first != NULL;
}

void weft_sem_release_at(weft_sem *s, const char *where)
{
    int64_t v = weft_atomic_load(&s->value, WEFT_RELAXED);
    for (;;) {
        if (v == INT64_MAX)
            weft__misuse(where, "sem %s: released more than INT64_MAX times", s->head.name);
        if (v >= 0) {
            /* pairs with take: what the caller wrote. The last access. */
            if (weft_atomic_cas(&s->value, &v, v + 1, WEFT_RELEASE, WEFT_RELAXED))
                return;
            continue;
        }
        if (hand_over(s, where))
            return;
        v = weft_atomic_load(&s->value, WEFT_RELAXED);
    }
}
