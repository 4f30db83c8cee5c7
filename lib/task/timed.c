/* The timers of weft/timer.h: tasks that were counted in and are made when a wheel says so.
 *
 * T1 All timers of a scope are in one wheel, that of the worker that started the first of them, and their
 *    list is under the wheel's guard: to start one and to cancel it take that guard once each.
 * T2 A timer is in the list as long as it is in the wheel. Who takes it out of both, under the guard, has to
 *    make its task or to count it out: the wheel, who cancels it, or who cancels the scope. The timer is
 *    not touched after that guard.
 * T3 Who cancels a scope says so and then empties the list; who starts a timer looks whether the scope is
 *    cancelled and puts it in under the same guard. So none is left behind. Where the first timer comes just
 *    then, who cancels finds no wheel, or who starts finds it cancelled: these four accesses have one order.
 */
#include "base/list.h"
#include "port/err.h"
#include "task/worker.h"
#include "weft/timer.h"

/* What a weft_timer is. */
typedef struct timed {
    weft__timer timer;
    weft__list sibling; /* while it is in the wheel: among those of its scope; under the guard */
    weft_fn fn;
    void *arg;
    const char *name, *where;
} timed;

_Static_assert(sizeof(timed) <= sizeof(weft_timer), "room of the public type");

/* How many are taken out of the list of a scope with the wheel's guard held. */
enum { BITE = 256 };

/* T1 */
static weft__timers *wheel_of(weft__scope *s)
{
    /* pairs with the exchange below; a wheel is there before its worker runs */
    weft__timers *wheel = weft_atomic_load(&s->wheel, WEFT_ACQUIRE);
    if (wheel)
        return wheel;
    weft *w = s->place->rt;
    weft__worker *me = weft__worker_of(w);
    weft__timers *mine = me ? &me->timers : &w->worker[0].timers;
    /* T3; pairs with weft__timed_drop_all */
    return weft_atomic_cas(&s->wheel, &wheel, mine, WEFT_SEQ_CST, WEFT_ACQUIRE) ? mine : wheel;
}

/* T3. False: the scope is cancelled. */
static bool hang(weft__scope *s, timed *x)
{
    weft__timers *wheel = wheel_of(s);
    weft *w = s->place->rt;
    int64_t at = x->timer.at;
    bool first = false;
    weft__latch_take(&wheel->guard);
    bool cancelled = weft_atomic_load(&s->cancelled, WEFT_SEQ_CST); /* T3; cancel_all */
    if (!cancelled) {
        first = weft__timer_put(wheel, &x->timer);
        weft__list_push(&s->timed, &x->sibling);
    }
    weft__latch_drop(&wheel->guard);
    if (first)
        weft__poll_earlier(w, at);
    return !cancelled;
}

weft_err weft_timer_start_at(weft_timer *timer, weft_scope *scope, weft_fn fn, void *arg,
                             const char *name, weft_deadline at, const char *where)
{
    timed *x = (timed *)(void *)timer;
    weft__scope *s = weft__scope_in_use(scope, where);
    if (x->timer.next)
        weft__misuse(where, "a timer for %s that was started and has not fired yet", x->name);
    x->timer.at = at.ns < INT64_MAX ? at.ns : INT64_MAX - 1;
    x->timer.scope = s;
    x->timer.timed = true;
    x->fn = fn;
    x->arg = arg;
    x->name = name;
    x->where = where;
    weft__scope_admit(s);
    if (hang(s, x))
        return WEFT_OK;
    weft__scope_dismiss(s);
    return weft__fail(WEFT_CANCELLED, "scope %s was cancelled: no timer started for task %s",
                      s->head.name, name);
}

/* T2, guard held: it will not fire. */
static void unhang(timed *x)
{
    /* Its neighbours are far away, in the caches too: they come all at once, and not one by one. */
    __builtin_prefetch(x->timer.next, 1);
    __builtin_prefetch(x->timer.prev, 1);
    __builtin_prefetch(x->sibling.next, 1);
    __builtin_prefetch(x->sibling.prev, 1);
    weft__timer_drop(&x->timer);
    weft__list_remove(&x->sibling);
}

bool weft_timer_cancel(weft_timer *timer)
{
    timed *x = (timed *)(void *)timer;
    weft__timers *wheel = x->timer.home;
    if (!wheel)
        return false;
    weft__latch_take(&wheel->guard);
    bool hangs = x->timer.next;
    if (hangs)
        unhang(x);
    weft__latch_drop(&wheel->guard);
    if (hangs)
        weft__scope_dismiss(x->timer.scope);
    return hangs;
}

uint32_t weft__timed_drop_all(weft__scope *s)
{
    uint32_t dropped = 0;
    /* T3: after `cancelled` was set; pairs with wheel_of */
    weft__timers *wheel = weft_atomic_load(&s->wheel, WEFT_SEQ_CST);
    for (bool more = wheel; more;) {
        weft__latch_take(&wheel->guard);
        for (int i = 0; i < BITE && !weft__list_empty(&s->timed); i++, dropped++)
            unhang(weft__of(s->timed.next, timed, sibling));
        more = !weft__list_empty(&s->timed);
        weft__latch_drop(&wheel->guard);
    }
    return dropped;
}

void weft__timed_fire(weft__timer *timer, weft__fired *f)
{
    timed *x = weft__of(timer, timed, timer);
    weft__scope *s = timer->scope;
    weft__task *t;
    weft__list_remove(&x->sibling);
    if (weft__task_create(&t, s->place, x->fn, x->arg, x->name, x->where) != WEFT_OK) {
        f->in_vain = s;
        return;
    }
    t->waiter.scope = s;
    if (f->last)
        f->last->next = t;
    else
        f->first = t;
    f->last = t;
}

void weft__timed_begin(weft__fired *f)
{
    for (weft__task *t; (t = f->first) != NULL;) {
        weft__scope *s = t->waiter.scope;
        f->first = t->next;
        t->next = NULL;
        weft_err e = weft__task_start(t);
        if (e == WEFT_OK)
            continue;
        weft__task_free(t);
        weft__scope_miss(s, e);
    }
    f->last = NULL;
    if (f->in_vain)
        weft__scope_miss(f->in_vain, WEFT_NOMEM);
    f->in_vain = NULL;
}
