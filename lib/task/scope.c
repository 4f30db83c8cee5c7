/* A scope counts its tasks in one word, `live`. The owner adds to it in steps and keeps the rest as
 * credit, so that starting a task mostly changes nothing that others read.
 *
 * S1 live = tasks that have not ended + credit + WAITING while the owner waits. Who brings it down to
 *    WAITING alone grants the owner, and does not touch the scope after its subtraction; the owner that
 *    has set WAITING leaves only with that grant, or after it took WAITING back while something was left.
 * S2 The first failure is recorded, under the guard, before the task that failed is counted out.
 * S3 A task that waits enters `listed` once, under the guard, and looks whether it is cancelled
 *    afterwards; who cancels sets `cancelled` first and then goes through the list under the guard. It
 *    leaves the list before it is counted out, so who holds the guard may touch it.
 * S4 A task that runs inside a join is reached through the joiner by the scopes of all below it. Its forked
 *    children are listed in its own scope only: it passes on to them what comes from further out.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "task/task.h"
#include "task/worker.h"

enum { STEP = 64 };
static const uint64_t WAITING = (uint64_t)1 << 63;
/* A child is run in the join of its parent only with so much of the stack left. */
enum { ROOM = 32 * 1024 };

static weft__scope *of(weft_scope *s)
{
    return (weft__scope *)(void *)s;
}

weft__scope *weft__scope_in_use(weft_scope *scope, const char *where)
{
    weft__scope *s = of(scope);
    if (!s->place)
        weft__misuse(where, "a scope that was not initialised, or has ended");
    return s;
}

void weft_scope_init(weft_scope *s, weft_place *place, const char *name)
{
    weft__scope *x = of(s);
    *x = (weft__scope){.place = place, .owner = weft__self()};
    weft__sync_init(&x->head, name);
    weft__list_init(&x->listed);
    weft__list_init(&x->timed);
}

static const weft__task *task_of(const weft__waiter *w)
{
    return (const weft__task *)(const void *)((const char *)w - offsetof(weft__task, waiter));
}

/* Whether a shield that `w` is in covers the child in slot `nth` of its deque: not if that was forked
 * before, which would miss a cancellation for good if it could not see it for a while. */
static bool covers(const weft__waiter *w, uint32_t nth)
{
    if (weft_atomic_load(&w->shields, WEFT_ACQUIRE) == 0) /* pairs with weft_shield */
        return false;
    if (nth == WEFT__NO_CHILD)
        return true;
    const weft__task *t = task_of(w);
    return nth >= weft_atomic_load(&t->shielded_from, WEFT_RELAXED);
}

bool weft__cancelled(const weft__waiter *self)
{
    uint32_t nth = WEFT__NO_CHILD;
    while (!covers(self, nth)) {
        /* pairs with cancel_all */
        if (self->scope && weft_atomic_load(&self->scope->cancelled, WEFT_ACQUIRE))
            return true;
        if (self == &weft__waiter_of_thread)
            return false;
        const weft__task *t = task_of(self);
        if (!t->host)
            return false;
        nth = t->nth;
        self = &t->host->waiter;
    }
    return false;
}

/* Whose cancellation has to reach `t`: its own scope, or that of the task whose child it is. */
static weft__scope *scope_over(weft__task *t)
{
    while (!t->waiter.scope && t->host)
        t = t->host;
    return t->waiter.scope;
}

static void list(weft__task *t)
{
    weft__scope *s = scope_over(t);
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    weft__list_push(&s->listed, &t->sibling);
    weft__guard_drop(g);
    t->waiter.listed = 1;
}

void weft__scope_list(weft__waiter *self)
{
    if (self->listed || self == &weft__waiter_of_thread)
        return;
    weft__task *t = weft__of(self, weft__task, waiter);
    for (; t && !t->waiter.listed; t = t->waiter.scope ? t->host : NULL)
        list(t);
}

void weft__scope_unlist(weft__task *t)
{
    if (!t->waiter.listed)
        return;
    weft__scope *s = scope_over(t);
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    weft__list_remove(&t->sibling);
    weft__guard_drop(g);
    t->waiter.listed = 0;
}

/* Have those of `s` look that a cancellation has to reach. Guard held. */
static void stir(weft__scope *s)
{
    weft__list_each (n, &s->listed) {
        weft__task *t = weft__of(n, weft__task, sibling);
        /* It may be one that waits inside of it, in its join; or that did: W4. */
        for (; t; t = weft_atomic_load(&t->inside, WEFT_ACQUIRE)) /* pairs with run_inside */
            weft__unpark(&t->waiter);
    }
}

/* S3. From the guard on, if there are no timers, the scope may end. */
static void cancel_all(weft__scope *s, weft__guard *held)
{
    /* pairs with weft__cancelled, and with hang in timed.c: T3 */
    weft_atomic_store(&s->cancelled, 1, WEFT_SEQ_CST);
    uint32_t timers = weft__timed_drop_all(s);
    stir(s);
    weft__guard_drop(held);
    if (timers > 0)
        weft__scope_ended(s, timers);
}

bool weft__scope_relays(weft__waiter *self)
{
    weft__task *t = weft__of(self, weft__task, waiter);
    for (; t; t = t->host)
        if (t->waiter.scope && t->host) {
            weft__scope_list(self);
            return true;
        }
    return false;
}

bool weft__scope_relay(weft__waiter *self)
{
    if (!weft__cancelled(self))
        return false;
    weft__scope *s = scope_over(weft__of(self, weft__task, waiter));
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    stir(s); /* S4; who enters the list later sees the cancellation that this task saw */
    weft__guard_drop(g);
    return true;
}

void weft__scope_admit(weft__scope *s)
{
    if (weft__self() != s->owner) {
        weft_atomic_fetch_add(&s->live, 1, WEFT_RELAXED); /* weft__scope_ended comes after it */
        return;
    }
    if (s->credit == 0) {
        weft_atomic_fetch_add(&s->live, STEP, WEFT_RELAXED);
        s->credit = STEP;
    }
    s->credit--;
}

void weft__scope_dismiss(weft__scope *s)
{
    if (weft__self() == s->owner)
        s->credit++;
    else
        weft__scope_ended(s, 1);
}

weft_err weft__scope_start(weft_scope *scope, weft__task *t)
{
    weft__scope *s = of(scope);
    t->waiter.scope = s;
    weft__scope_admit(s);
    weft_err e = weft__task_start(t);
    if (e != WEFT_OK) {
        weft__task_free(t);
        weft__scope_ended(s, 1);
    }
    return e;
}

weft_err weft_scope_go_at(weft_scope *scope, weft_fn fn, void *arg, const char *name,
                          const char *where)
{
    weft__scope *s = weft__scope_in_use(scope, where);
    if (weft_atomic_load(&s->cancelled, WEFT_ACQUIRE)) /* pairs with cancel_all */
        return weft__fail(WEFT_CANCELLED, "scope %s was cancelled: task %s not started",
                          s->head.name, name);
    weft__task *t;
    weft_err e = weft__task_create(&t, s->place, fn, arg, name, where);
    return e == WEFT_OK ? weft__scope_start(scope, t) : e;
}

/* S2 */
static void failed(weft__scope *s, weft_err e)
{
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    if (s->first != WEFT_OK) {
        weft__guard_drop(g);
        return;
    }
    s->first = e;
    s->detail = strdup(weft_detail()); /* without it only the text is missing */
    cancel_all(s, g);
}

void weft__scope_miss(weft__scope *s, weft_err e)
{
    failed(s, e);
    weft__scope_ended(s, 1);
}

void weft__scope_forget(weft__task *t)
{
    if (t->result != WEFT_OK && t->result != WEFT_CANCELLED)
        failed(t->waiter.scope, t->result);
    weft__scope_unlist(t);
    weft__task_free(t);
}

void weft__scope_ended(weft__scope *s, uint32_t n)
{
    weft__waiter *owner = s->owner;
    /* S1; pairs with await_all: all that the tasks did */
    if (weft_atomic_fetch_sub(&s->live, n, WEFT_ACQ_REL) == WAITING + n)
        weft__grant(owner);
}

static bool room_left(weft__stack *s)
{
    char here;
    return &here - s->low > (ptrdiff_t)(ROOM) && &here - s->low > (ptrdiff_t)(s->size / 2);
}

/* Run `t`, a child of the scope that the calling task joins, as a call. */
static void run_inside(weft__stack *s, weft__task *self, weft__task *t)
{
    weft_place *before = self->place;
    uint32_t inside = s->forks.here.inside; /* of joins of `self` */
    t->host = self;
    weft_atomic_store(&self->inside, t, WEFT_RELEASE); /* pairs with cancel_all */
    s->forks.here.me = &t->waiter;
    t->stack = s;
    s->forks.here.inside = 0;
    s->detail.text[0] = '\0';
    t->result = t->fn(t->arg);
    weft__fork_all_joined(s, t);
    s->forks.here.inside = inside;
    weft_place *after = t->place;
    uint8_t kind = t->waiter.kind;
    weft_atomic_store(&self->inside, NULL, WEFT_RELEASE);
    weft__scope_forget(t);
    s->forks.here.me = &self->waiter;
    self->place = after;
    self->waiter.kind = kind;
    /* The child has moved the stack, whatever its owner may do itself. */
    while (self->place != before && weft__move(self, before) != WEFT_OK)
        (void)weft_yield();
}

/* The owner of `s` waits without a deadline: it runs those of its children itself that nobody has begun,
 * the youngest first. They would run above nothing but a frame that waits for them. */
static void run_own(weft__scope *s)
{
    weft__waiter *self = weft__self();
    weft__stack *stack = weft__stack_here();
    if (self->kind != WEFT__WAITER_TASK || s->place->kind != WEFT__POOL ||
        !weft__forks_none(&stack->forks))
        return;
    weft__task *me = weft__of(self, weft__task, waiter);
    if (me->place != s->place)
        return;
    /* What the owner had to say stays, and is nothing that its children say. */
    char *kept = stack->detail.text[0] ? strdup(stack->detail.text) : NULL;
    while (room_left(stack)) {
        weft__worker *k = stack->worker; /* another one after each child that waited */
        weft__task *t = weft__ring_pop_back(&k->fresh);
        if (!t)
            break;
        if (t->waiter.scope != s) {
            (void)weft__ring_push(&k->fresh, t); /* where it was: there is room */
            break;
        }
        run_inside(stack, me, t);
        s->credit++;
    }
    strcpy(stack->detail.text, kept ? kept : "");
    free(kept);
}

/* S1: take WAITING back; false: it is granted already, or will be. */
static bool withdraw(void *scope)
{
    weft__scope *s = (weft__scope *)scope;
    uint64_t v = weft_atomic_load(&s->live, WEFT_RELAXED);
    do {
        if (v == WAITING)
            return false;
        /* pairs with weft__scope_ended */
    } while (!weft_atomic_cas(&s->live, &v, v - WAITING, WEFT_ACQ_REL, WEFT_RELAXED));
    return true;
}

static weft_err await_all(weft__scope *s, bool steady, weft_deadline by)
{
    if (by.ns == INT64_MAX)
        run_own(s);
    /* pairs with weft__scope_ended */
    if (weft_atomic_load(&s->live, WEFT_ACQUIRE) == s->credit)
        return WEFT_OK;
    uint64_t add = WAITING - s->credit;
    s->credit = 0;
    if (weft_atomic_fetch_add(&s->live, add, WEFT_ACQ_REL) + add == WAITING) {
        weft_atomic_store(&s->live, 0, WEFT_RELAXED); /* S1: nobody else is left to touch it */
        return WEFT_OK;
    }
    weft_err e = weft__await(s->owner, "scope", s->head.name, steady, by, withdraw, s);
    if (e == WEFT_OK)
        weft_atomic_store(&s->live, 0, WEFT_RELAXED); /* S1: nobody else is left to touch it */
    return e;
}

static void check_owner(weft__scope *s, const char *where)
{
    if (weft__self() != s->owner)
        weft__misuse(where,
                     "scope %s: %s is not its owner: only who initialised it joins and ends it",
                     s->head.name, weft_task_name());
}

/* Tasks still run: how many, and one of them that has waited. */
static weft_err late(weft__scope *s)
{
    uint64_t left = weft_atomic_load(&s->live, WEFT_RELAXED) - s->credit;
    const char *one = NULL;
    weft__guard_take(weft__sync_guard(&s->head));
    if (!weft__list_empty(&s->listed))
        one = weft__of(s->listed.next, weft__task, sibling)->waiter.name;
    weft__guard_drop(weft__sync_guard(&s->head));
    return weft__fail(WEFT_LATE, "scope %s: %" PRIu64 " task%s at the deadline%s%s", s->head.name,
                      left, left == 1 ? " runs" : "s run", one ? ", such as " : "", one ? one : "");
}

weft_err weft_scope_join_at(weft_scope *scope, weft_deadline by, const char *where)
{
    weft__scope *s = weft__scope_in_use(scope, where);
    check_owner(s, where);
    weft_err e = await_all(s, false, by);
    if (e == WEFT_LATE)
        return late(s);
    if (e != WEFT_OK || s->first == WEFT_OK)
        return e;
    return weft__fail(s->first, "%s", s->detail ? s->detail : "");
}

void weft_scope_cancel_at(weft_scope *scope, const char *where)
{
    weft__scope *s = weft__scope_in_use(scope, where);
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    cancel_all(s, g);
}

void weft_scope_fini_at(weft_scope *scope, const char *where)
{
    weft__scope *s = weft__scope_in_use(scope, where);
    check_owner(s, where);
    if (weft_atomic_load(&s->live, WEFT_ACQUIRE) != s->credit) { /* pairs with weft__scope_ended */
        weft_scope_cancel_at(scope, where);
        (void)await_all(s, true, WEFT_FOREVER);
    }
    free(s->detail);
    s->detail = NULL;
    s->place = NULL;
}
