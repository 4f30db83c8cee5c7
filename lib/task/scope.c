/* The guard of a scope's head protects all of it. A task is in `tasks` from before it is started
 * until it ended, so whoever holds the guard may touch it (cancel); `live` is counted down only once
 * the task's memory has been given back. */
#include <stdlib.h>
#include <string.h>

#include "task/task.h"
#include "task/worker.h"

static weft__scope *of(weft_scope *s)
{
    return (weft__scope *)(void *)s;
}

void weft_scope_init(weft_scope *s, weft_place *place, const char *name)
{
    weft__scope *x = of(s);
    *x = (weft__scope){.place = place};
    weft__sync_init(&x->head, name);
    weft__list_init(&x->tasks);
}

/* Guard held. */
static void cancel_all(weft__scope *s)
{
    s->cancelled = true;
    weft__list_each (n, &s->tasks)
        weft__cancel(&weft__of(n, weft__task, sibling)->waiter);
}

static weft_err admit(weft__scope *s, weft__task *t)
{
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    bool cancelled = s->cancelled;
    if (!cancelled) {
        t->scope = s;
        weft__list_push(&s->tasks, &t->sibling);
        s->live++;
        weft_atomic_fetch_add(&t->rt->tasks, 1, WEFT_RELAXED);
    }
    weft__guard_drop(g);
    return cancelled ? WEFT_CANCELLED : WEFT_OK;
}

weft_err weft_scope_go(weft_scope *scope, weft_fn fn, void *arg, const char *name)
{
    weft__scope *s = of(scope);
    weft__task *t;
    weft_err e = weft__task_create(&t, s->place, fn, arg, name, 0);
    if (e != WEFT_OK)
        return e;
    e = admit(s, t);
    if (e != WEFT_OK) {
        weft__task_free(t);
        return weft__fail(e, "scope %s was cancelled: task %s not started", s->head.name, name);
    }
    e = weft__task_start(t);
    if (e != WEFT_OK) {
        t->result = WEFT_OK;
        weft__task_end(t);
    }
    return e;
}

void weft__scope_start(weft_scope *scope, weft__task *t)
{
    if (admit(of(scope), t) == WEFT_OK)
        (void)weft__task_start(t);
}

void weft__scope_forget(weft__scope *s, weft__task *t)
{
    weft_atomic_fetch_sub(&t->rt->tasks, 1, WEFT_RELAXED);
    weft__guard *g = weft__sync_guard(&s->head);
    bool failed = t->result != WEFT_OK && t->result != WEFT_CANCELLED;
    weft__guard_take(g);
    weft__list_remove(&t->sibling);
    if (failed && s->first == WEFT_OK) {
        s->first = t->result;
        s->detail = strdup(t->detail.text); /* without it only the text is missing */
        cancel_all(s);
    }
    weft__guard_drop(g);
}

void weft__scope_leave(weft__scope *s)
{
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    if (--s->live == 0)
        weft__wait_grant_all(&s->head);
    weft__guard_drop(g);
}

static weft_err await_all(weft__scope *s, unsigned flags, weft_deadline by)
{
    weft_err e = WEFT_OK;
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    while (s->live > 0 && e == WEFT_OK)
        e = weft__wait_in(&s->head, "scope", NULL, flags, by);
    weft__guard_drop(g);
    return e;
}

weft_err weft_scope_join(weft_scope *scope, weft_deadline by)
{
    weft__scope *s = of(scope);
    weft_err e = await_all(s, 0, by);
    if (e == WEFT_LATE)
        return weft__fail(e, "scope %s: tasks still run at the deadline", s->head.name);
    if (e != WEFT_OK || s->first == WEFT_OK)
        return e;
    return weft__fail(s->first, "%s", s->detail ? s->detail : "");
}

void weft_scope_cancel(weft_scope *scope)
{
    weft__scope *s = of(scope);
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    cancel_all(s);
    weft__guard_drop(g);
}

void weft_scope_fini(weft_scope *scope)
{
    weft__scope *s = of(scope);
    weft_scope_cancel(scope);
    (void)await_all(s, WEFT__WAIT_STEADY, WEFT_FOREVER);
    free(s->detail);
    s->detail = NULL;
}
