#include "task/worker.h"

#include "port/clock.h"
#include "port/cxx.h"
#include "port/err.h"

/* Every so many turns a worker looks at the inbox before its own tasks. What comes from threads often
 * is somebody who has been waited for, and a turn may be long: they alternate. */
enum { INBOX_EVERY = 2 };
/* Every so many turns a task that has not begun goes before those that go on. */
enum { FRESH_EVERY = 8 };
/* Turns between two looks at the world, at most; fewer if turns are long. */
enum { LOOK_EVERY = 32 };
static const int64_t look_soon_ns = 20000, look_late_ns = 100000;
/* Stacks that a worker keeps for itself. */
enum { SPARES = 16 };
/* Tasks that are taken from others at once. */
enum { HAUL = 128 };
/* So long after it stole something a worker leaves the others alone: each theft costs its victim some
 * cache misses, which must be few beside the work that is taken. */
static const int64_t steal_every_ns = 2000;

void weft__inbox_push(weft *w, weft__task *first, weft__task *last, uint32_t n)
{
    weft__inbox *in = &w->inbox;
    last->next = NULL;
    weft__guard_take(&in->guard);
    if (in->last)
        in->last->next = first;
    else
        in->first = first;
    in->last = last;
    weft_atomic_fetch_add(&in->count, n, WEFT_SEQ_CST); /* I2 */
    weft__guard_drop(&in->guard);
}

static weft__ring *ring_of(weft__worker *me, const weft__task *t)
{
    return t->stack || t == &me->rt->strand.carrier ? &me->ready : &me->fresh;
}

/* The ring is full: half of it goes to the inbox, the oldest first. */
static void spill(weft__worker *me, weft__ring *r)
{
    weft__task *first = weft__ring_pop(r), *last = first;
    uint32_t n = first != NULL;
    while (last && n < WEFT__RING_SLOTS / 2) {
        weft__task *t = weft__ring_pop(r);
        if (!t)
            break;
        last->next = t;
        last = t;
        n++;
    }
    if (first)
        weft__inbox_push(me->rt, first, last, n);
}

static void push(weft__worker *me, weft__task *t)
{
    weft__ring *r = ring_of(me, t);
    while (__builtin_expect(!weft__ring_push(r, t), 0))
        spill(me, r);
}

void weft__make_work(weft *w, weft__task *t)
{
    weft__worker *me = weft__worker_of(w);
    if (__builtin_expect(me != NULL, 1)) {
        push(me, t);
        weft__wake_one(w);
        return;
    }
    weft__inbox_push(w, t, t, 1);
    weft_atomic_fence(); /* I2 */
    weft__wake_one(w);
}

/* This worker's share of the inbox: one is returned, the others become its own. */
static weft__task *take_inbox(weft__worker *me)
{
    weft__inbox *in = &me->rt->inbox;
    uint32_t n = weft_atomic_load(&in->count, WEFT_ACQUIRE); /* a guess */
    if (n == 0)
        return NULL;
    n = n / (uint32_t)me->rt->workers + 1;
    weft__guard_take(&in->guard);
    weft__task *t = in->first, *last = t;
    uint32_t got = t != NULL;
    while (last && last->next && got < n && got < HAUL) {
        last = last->next;
        got++;
    }
    if (last) {
        in->first = last->next;
        if (!in->first)
            in->last = NULL;
        last->next = NULL;
        weft_atomic_fetch_sub(&in->count, got, WEFT_RELAXED);
    }
    weft__guard_drop(&in->guard);
    for (weft__task *more = t ? t->next : NULL, *next; more; more = next) {
        next = more->next;
        push(me, more);
    }
    return t;
}

static weft__task *steal_from(weft__worker *me, weft__ring *r)
{
    weft__task *haul[HAUL];
    uint32_t n = weft__ring_steal(r, haul, HAUL);
    for (uint32_t i = 1; i < n; i++)
        push(me, haul[i]);
    return n > 0 ? haul[0] : NULL;
}

/* From the other workers. Number i looks at i^1, i^2, ...: near ones first, since workers are placed in
 * the order of the machine, and no two in the same order. */
static weft__task *steal(weft__worker *me)
{
    weft *w = me->rt;
    int all = 1;
    if (w->workers == 1)
        return NULL;
    while (weft__clock_ns() < me->stole + steal_every_ns)
        weft__cpu_relax();
    while (all < w->workers)
        all *= 2;
    for (int k = 1; k < all; k++) {
        int i = me->index ^ k;
        if (i >= w->workers)
            continue;
        weft__task *t = steal_from(me, &w->worker[i].ready);
        if (!t)
            t = steal_from(me, &w->worker[i].fresh);
        if (t) {
            me->stole = weft__clock_ns();
            return t;
        }
    }
    return NULL;
}

void weft__worker_flush(weft__worker *me)
{
    uint32_t n = me->ended;
    if (n == 0)
        return;
    me->ended = 0;
    weft__scope_ended(me->ended_of, n);
}

/* Look after the world: timers, descriptors, links. Seldom while turns are short. */
static void look(weft__worker *me)
{
    int64_t now = weft__clock_ns(), since = now - me->looked;
    me->looked = now;
    if (since > look_late_ns)
        me->look_every = 1;
    else if (since < look_soon_ns && me->look_every < LOOK_EVERY)
        me->look_every *= 2;
    me->until_look = me->look_every;
    weft__poll_turn(me->rt, now);
}

/* Out of its own rings. */
static weft__task *take_own(weft__worker *me)
{
    bool fresh_first = me->fresh_first || me->turns % FRESH_EVERY == 0;
    me->fresh_first = false;
    weft__task *t = weft__ring_pop(fresh_first ? &me->fresh : &me->ready);
    return t ? t : weft__ring_pop(fresh_first ? &me->ready : &me->fresh);
}

static weft__task *find(weft__worker *me)
{
    for (;;) {
        weft__task *t = me->carrying ? weft__strand_next(me) : NULL;
        if (t)
            return t;
        if (--me->until_look <= 0)
            look(me);
        if (++me->turns % INBOX_EVERY == 0)
            t = take_inbox(me);
        if (!t)
            t = take_own(me);
        if (!t) {
            weft__worker_flush(me);
            weft__search_begin(me);
            t = take_inbox(me);
            if (!t)
                t = take_own(me);
            if (!t)
                t = steal(me);
        }
        if (!t)
            return NULL;
        weft__search_end(me);
        if (t != &me->rt->strand.carrier)
            return t;
        me->carrying = true;
    }
}

/* Of the task that is on `s`; NULL: it stands at its base. */
static const char *name_on(weft__stack *s)
{
    const weft__waiter *on = s->forks.here.me;
    return on && on->kind == WEFT__WAITER_TASK ? on->name : NULL;
}

/* `me` goes on on `to`. */
static int go(weft__worker *me, weft__context *from, weft__stack *to, void (*after)(void *arg),
              void *arg)
{
    to->worker = me;
    weft_atomic_store(&me->stack, to, WEFT_RELEASE); /* pairs with weft__fork_steal */
    weft__here_set(&to->forks.here);
    if (me->beats)
        weft__worker_beat(me, name_on(to));
    return weft__switch_to(from, &to->context, after, arg);
}

/* The stack `arg`, which stands at its base, is free. On another stack, or the thread's own. */
static void release(void *arg)
{
    weft__stack *s = arg;
    weft__worker *me = s->worker;
    if (!s->large && me && me->spares < SPARES) {
        s->next = me->spare;
        me->spare = s;
        me->spares++;
        return;
    }
    weft__stacks_put(&s->rt->stacks, s);
}

/* A stack at its base. NULL: there is none. */
static weft__stack *take_spare(weft__worker *me)
{
    weft__stack *s = me->spare;
    if (s) {
        me->spare = s->next;
        me->spares--;
        return s;
    }
    return weft__stacks_get(&me->rt->stacks, false, &s) == WEFT_OK ? s : NULL;
}

/* Where `me` goes on when a task leaves it: with a task that has a stack, or where its loop looks for
 * one. NULL: there is no stack. */
static weft__stack *onward(weft__worker *me)
{
    weft__task *t = NULL;
    weft__stack *s;
    if (me->carrying)
        t = weft__strand_next(me);
    else if (!me->fresh_first && --me->until_look > 0)
        t = weft__ring_pop(&me->ready);
    if (t && t == &me->rt->strand.carrier) {
        me->carrying = true;
        t = NULL;
    }
    if (t && t->stack)
        return t->stack;
    s = take_spare(me);
    if (s)
        s->first = t;
    else if (t)
        weft__task_ready(t);
    return s;
}

static void after_park(void *arg)
{
    weft__task *t = arg;
    uint32_t nothing = 0;
    weft__fork_leave(t->stack);
    /* The stack is left and complete; pairs with tell() in wait.c, which hands it on. */
    if (!weft_atomic_cas(&t->waiter.state, &nothing, WEFT__PARKED, WEFT_ACQ_REL, WEFT_RELAXED))
        weft__task_ready(t);
}

bool weft__leave_for_next(weft__task *t, void (*after)(void *t))
{
    weft__stack *s = weft__stack_here();
    weft__worker *me = s->worker;
    weft__worker_flush(me);
    weft__stack *to = onward(me);
    if (!to)
        return false;
    t->stack = s;
    if (weft__cxx_any()) {
        weft__cxx mine = weft__cxx_take();
        go(me, &s->context, to, after, t);
        weft__cxx_put(mine);
    } else {
        go(me, &s->context, to, after, t);
    }
    if (s->listed)
        weft__fork_back(s);
    return true;
}

bool weft__task_leave(weft__task *t)
{
    return weft__leave_for_next(t, after_park);
}

void weft__leave_thread(weft__stack *s, void (*after)(void *arg), void *arg)
{
    bool any = weft__cxx_any();
    weft__cxx mine = {NULL, 0};
    if (any)
        mine = weft__cxx_take();
    weft__here_set(&weft__here_nobody);
    weft__switch_to(&s->context, s->native, after, arg);
    if (any)
        weft__cxx_put(mine);
}

static void after_yield(void *arg)
{
    weft__task *t = arg;
    weft__worker *me = weft__stack_here()->worker;
    if (t->place->kind == WEFT__POOL && weft__ring_push(&me->ready, t))
        weft__wake_one(me->rt);
    else
        weft__task_ready(t);
}

static void after_yield_with_forks(void *arg)
{
    weft__task *t = arg;
    weft__fork_leave(t->stack);
    weft__task_ready(t);
}

static bool nothing_else(weft__worker *me)
{
    return !me->carrying && weft__ring_length(&me->ready) == 0 &&
           weft__ring_length(&me->fresh) == 0 &&
           weft_atomic_load(&me->rt->inbox.count, WEFT_RELAXED) == 0;
}

weft_err weft_yield(void)
{
    weft__waiter *self = weft__self();
    if (self->kind != WEFT__WAITER_TASK) {
        weft__cpu_yield();
        return weft__cancelled(self) ? WEFT_CANCELLED : WEFT_OK;
    }
    weft__task *t = weft__of(self, weft__task, waiter);
    if (weft__task_cancelled(t))
        return WEFT_CANCELLED;
    weft__stack *s = weft__stack_here();
    weft__worker *me = s->worker;
    if (me->ended)
        weft__worker_flush(me);
    if (weft__ring_length(&me->ready) == 0) {
        if (me->until_look > 1 && nothing_else(me)) {
            me->until_look--;
            return WEFT_OK;
        }
        me->fresh_first = true;
    }
    if (!weft__forks_none(&s->forks) || weft__cxx_any()) {
        (void)weft__leave_for_next(t, after_yield_with_forks);
        return WEFT_OK;
    }
    weft__stack *to = onward(me);
    if (!to)
        return WEFT_OK;
    t->stack = s;
    return (weft_err)go(me, &s->context, to, after_yield, t); /* nothing after it: a jump */
}

static void end(weft__stack *s, weft__task *t)
{
    weft__scope *scope = t->waiter.scope;
    weft__worker *me = s->worker;
    if (!weft__forks_none(&s->forks))
        weft__misuse(t->waiter.name, "ended with forks that it did not join");
    s->forks.here.me = me ? &me->waiter : &weft__waiter_of_thread;
    weft__scope_forget(t);
    if (!me) {
        weft__scope_ended(scope, 1);
        return;
    }
    weft__worker_beat(me, NULL);
    if (me->ended_of != scope)
        weft__worker_flush(me);
    me->ended_of = scope;
    me->ended++;
}

void weft__run_here(weft__stack *s, weft__task *t)
{
    t->stack = s;
    weft__forks_shut(&s->forks);
    s->detail.text[0] = '\0';
    s->forks.here.me = &t->waiter;
    if (s->worker)
        weft__worker_beat(s->worker, t->waiter.name);
    t->result = t->fn(t->arg);
    end(s, t);
}

/* From a stack at its base to another: it is free. */
static void give_way(weft__stack *s, weft__stack *to)
{
    go(s->worker, &s->context, to, release, s);
}

static void turn(weft__stack *s)
{
    weft__worker *me = s->worker;
    weft__stolen child;
    /* pairs with weft__engine_halt */
    if (weft_atomic_load(&me->rt->stopping, WEFT_ACQUIRE)) {
        weft__worker_flush(me);
        weft_atomic_store(&me->stack, NULL, WEFT_RELEASE); /* weft__fork_steal */
        weft__here_set(&weft__here_nobody);
        weft__switch_to(&s->context, &me->native, release, s);
        return;
    }
    weft__task *t = find(me);
    if (t) {
        if (me->ended && (t->stack || t->waiter.scope != me->ended_of))
            weft__worker_flush(me);
        if (t->stack)
            give_way(s, t->stack);
        else
            weft__run_here(s, t);
    } else if (weft__fork_steal(me, &child)) {
        weft__search_end(me);
        weft__fork_run(s, &child);
    } else {
        weft__worker_sleep(me);
    }
}

void weft__serve(void *arg)
{
    weft__stack *s = arg;
    weft__switch_entered(&s->context);
    for (;;) {
        weft__task *t = s->first;
        s->first = NULL;
        if (t) {
            weft__run_here(s, t);
        } else if (!s->worker) {
            weft__leave_thread(s, release, s);
        } else {
            s->forks.here.me = &s->worker->waiter;
            weft__stack *to = s->large ? take_spare(s->worker) : NULL;
            if (to)
                give_way(s, to);
            else
                turn(s);
        }
    }
}

void weft__side_run(weft__task *t)
{
    weft__context native;
    weft__stack *s = t->stack;
    weft__context_of_thread(&native);
    s->worker = NULL;
    s->native = &native;
    weft__here_set(&s->forks.here);
    weft__switch_to(&native, &s->context, NULL, NULL);
}

void weft__worker_run(weft__worker *me)
{
    weft__context_of_thread(&me->native);
    weft__stack *s = take_spare(me); /* the engine made one for each */
    s->forks.here.me = &me->waiter;
    go(me, &me->native, s, NULL, NULL);
    while ((s = me->spare)) {
        me->spare = s->next;
        weft__stacks_put(&me->rt->stacks, s);
    }
    me->spares = 0;
}
