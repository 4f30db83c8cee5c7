#include "port/err.h"
#include "task/wait.h"
#include "weft/sync.h"
#include "weft/task.h"

void weft_lock_init(weft_lock *l, const char *name)
{
    weft__sync_init(&l->head, name);
    l->holder = NULL;
}

/* Guard held before, dropped after. A released lock is handed over: `holder` is then the first waiter
 * already. */
static weft_err acquire(weft_lock *l, unsigned flags, weft_deadline by)
{
    if (l->holder)
        return weft__wait_in(&l->head, "lock", NULL, flags, by);
    l->holder = weft__self();
    weft__guard_drop(weft__sync_guard(&l->head));
    return WEFT_OK;
}

/* Guard held. Who has the lock now and is to be let go, or NULL. */
static weft__wait *hand_over(weft_lock *l)
{
    weft__wait *next = weft__wait_first(&l->head);
    l->holder = next ? next->who : NULL;
    if (next)
        weft__wait_take(&l->head, next);
    return next;
}

weft_err weft_lock_acquire_at(weft_lock *l, weft_deadline by, const char *where)
{
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(weft__sync_guard(&l->head));
    if (l->holder == weft__self())
        weft__misuse(where, "lock %s: acquired again by %s, which holds it", l->head.name,
                     weft__self()->name);
    return acquire(l, 0, by);
}

void weft_lock_release_at(weft_lock *l, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    weft__guard_take(g);
    if (l->holder != weft__self())
        weft__misuse(where, "lock %s: released by %s, which does not hold it", l->head.name,
                     weft__self()->name);
    weft__wait *next = hand_over(l);
    weft__guard_drop(g);
    if (next)
        weft__wait_let_go(next);
}

void weft_cond_init(weft_cond *c, const char *name)
{
    weft__sync_init(&c->head, name);
}

weft_err weft_cond_wait_at(weft_cond *c, weft_lock *l, weft_deadline by, const char *where)
{
    weft__guard *gc = weft__sync_guard(&c->head);
    weft__guard *gl = weft__sync_guard(&l->head);
    /* The guard of the condition first: a notification that comes once the lock is free is for this
     * caller too, and finds it in the queue or has to wait until it is. */
    weft__guard_take(gc);
    weft__guard_take(gl);
    if (l->holder != weft__self())
        weft__misuse(where, "cond %s: waited for by %s without its lock %s", c->head.name,
                     weft__self()->name, l->head.name);
    weft__wait *next = hand_over(l);
    weft__guard_drop(gl);
    if (next)
        weft__wait_let_go(next);
    weft_err e = weft__wait_in(&c->head, "cond", NULL, 0, by);

    weft__guard_take(gl);
    (void)acquire(l, WEFT__WAIT_STEADY, WEFT_FOREVER); /* R6: neither late nor cancelled */
    return e;
}

void weft_cond_notify(weft_cond *c)
{
    weft__guard *g = weft__sync_guard(&c->head);
    weft__guard_take(g);
    weft__wait *first = weft__wait_first(&c->head);
    if (first)
        weft__wait_take(&c->head, first);
    weft__guard_drop(g);
    if (first)
        weft__wait_let_go(first);
}

void weft_cond_notify_all(weft_cond *c)
{
    weft__guard *g = weft__sync_guard(&c->head);
    weft__guard_take(g);
    weft__wait *all = weft__wait_take_all(&c->head);
    weft__guard_drop(g);
    weft__wait_let_all_go(all);
}
