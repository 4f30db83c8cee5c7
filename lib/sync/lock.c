#include "port/err.h"
#include "task/wait.h"
#include "weft/sync.h"
#include "weft/task.h"

void weft_lock_init(weft_lock *l, const char *name)
{
    weft__sync_init(&l->head, name);
    l->holder = NULL;
}

/* Guard held. A released lock is handed over: `holder` is then the first waiter already. */
static weft_err acquire(weft_lock *l, unsigned flags, weft_deadline by)
{
    weft__waiter *self = weft__self();
    if (!l->holder) {
        l->holder = self;
        return WEFT_OK;
    }
    return weft__wait_in(&l->head, "lock", NULL, flags, by);
}

static void release(weft_lock *l)
{
    weft__wait *next = weft__wait_first(&l->head);
    l->holder = next ? next->who : NULL;
    if (next)
        weft__wait_grant(&l->head, next);
}

weft_err weft_lock_acquire_at(weft_lock *l, weft_deadline by, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    weft__guard_take(g);
    if (l->holder == weft__self())
        weft__misuse(where, "lock %s: acquired again by %s, which holds it", l->head.name,
                     weft__self()->name);
    weft_err e = weft_cancelled() ? WEFT_CANCELLED : acquire(l, 0, by);
    weft__guard_drop(g);
    return e;
}

void weft_lock_release_at(weft_lock *l, const char *where)
{
    weft__guard *g = weft__sync_guard(&l->head);
    weft__guard_take(g);
    if (l->holder != weft__self())
        weft__misuse(where, "lock %s: released by %s, which does not hold it", l->head.name,
                     weft__self()->name);
    release(l);
    weft__guard_drop(g);
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
    release(l);
    weft__guard_drop(gl);
    weft_err e = weft__wait_in(&c->head, "cond", NULL, 0, by);
    weft__guard_drop(gc);

    weft__guard_take(gl);
    (void)acquire(l, WEFT__WAIT_STEADY, WEFT_FOREVER); /* R6: neither late nor cancelled */
    weft__guard_drop(gl);
    return e;
}

void weft_cond_notify(weft_cond *c)
{
    weft__guard *g = weft__sync_guard(&c->head);
    weft__guard_take(g);
    weft__wait *first = weft__wait_first(&c->head);
    if (first)
        weft__wait_grant(&c->head, first);
    weft__guard_drop(g);
}

void weft_cond_notify_all(weft_cond *c)
{
    weft__guard *g = weft__sync_guard(&c->head);
    weft__guard_take(g);
    weft__wait_grant_all(&c->head);
    weft__guard_drop(g);
}
