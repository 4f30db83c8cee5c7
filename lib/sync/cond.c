#include "port/err.h"
#include "sync/lock.h"

_Static_assert(sizeof(weft_cond) == 32, "as sync.h says");

void weft_cond_init(weft_cond *c, const char *name)
{
    weft__sync_init(&c->head, name);
}

weft_err weft_cond_wait_at(weft_cond *c, weft_lock *l, weft_deadline by, const char *where)
{
    weft__waiter *self = weft__self();
    if (!weft__lock_mine(l, self))
        weft__misuse(where, "cond %s: waited for by %s without its lock %s", c->head.name,
                     self->name, l->head.name);
    /* The guard of the condition first: a notification that comes once the lock is free is for this
     * caller too, and finds it in the queue or has to wait until it is. */
    weft__guard_take(weft__sync_guard(&c->head));
    weft__lock_give(l, self);
    weft_err e = weft__wait_in(&c->head, "cond", NULL, 0, by);
    weft__lock_take(l, self); /* R6: neither late nor cancelled */
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
