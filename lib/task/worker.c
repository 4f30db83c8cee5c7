#include "task/worker.h"

#include "port/cxx.h"
#include "port/err.h"

/* Every so many turns a child of a task that has parked goes before tasks, which might wait for it. */
enum { CHILD_EVERY = 4 };
/* Stacks that a worker keeps for itself. */
enum { SPARES = 16 };

void weft__worker_flush(weft__worker *me)
{
    uint32_t n = me->ended;
    if (n == 0)
        return;
    me->ended = 0;
    weft__scope_ended(me->ended_of, n);
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
    } else if (weft__stacks_get(&me->rt->stacks, false, &s) != WEFT_OK) {
        return NULL;
    }
    s->forks.here.me = &me->waiter; /* who runs there until its loop has found a task */
    return s;
}

/* Where `me` goes on when a task leaves it: with a task that has a stack, or where its loop looks for
 * one. NULL: there is no stack. */
static weft__stack *onward(weft__worker *me)
{
    weft__task *t = NULL;
    weft__stack *s;
    if (me->carrying)
        t = weft__strand_next(me);
    else if (--me->until_look <= 0)
        me->fresh_first = true; /* the loop looks after all, and after those that have not begun */
    else if (!me->fresh_first && !(t = weft__ring_pop(&me->ready)))
        t = weft__ring_pop(&me->spent);
    if (t)
        weft__work_warm(me);
    if (t && t == &me->rt->strand.carrier) {
        me->carrying = true;
        t = NULL;
    }
    if (t && t->stack)
        return t->stack;
    s = take_spare(me);
    if (s) {
        s->first = t;
        return s;
    }
    if (t)
        weft__task_ready(t);
    t = weft__work_on_stack(me);
    return t ? t->stack : NULL;
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
    weft__stack_check(s);
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
    weft__stack_check(s);
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

/* With children that nobody has taken, too, or as a task of the loop. */
static void after_any_yield(void *arg)
{
    weft__task *t = arg;
    weft__fork_leave(t->stack);
    weft__task_ready(t);
}

static bool nothing_else(weft__worker *me)
{
    return !me->carrying && !weft__worker_has_any(me) &&
           weft_atomic_load(&me->rt->inbox.count, WEFT_RELAXED) == 0;
}

/* The usual yield goes to the task in front of the worker's own ring. NULL: this is none. */
static weft__task *front(weft__worker *me, const weft__stack *s)
{
    if (--me->until_look <= 0 || me->carrying || me->fresh_first ||
        s->forks.here.head != s->forks.slots || weft__cxx_any())
        return NULL;
    weft__task *t = weft__ring_pop(&me->ready);
    if (t && !t->stack) { /* the loop's carrier */
        me->carrying = true;
        return NULL;
    }
    return t;
}

static weft_err yield_to(weft__worker *me, weft__stack *s, weft__task *t, weft__task *next)
{
    t->stack = s;
    weft__stack_check(s);
    if (me->ready.alone && t->place->kind == WEFT__POOL) {
        (void)weft__ring_push(&me->ready, t); /* nobody else takes it; there is room for it */
        return (weft_err)go(me, &s->context, next->stack, NULL, NULL);
    }
    return (weft_err)go(me, &s->context, next->stack, after_yield,
                        t); /* nothing after it: a jump */
}

/* All other yields. */
static weft_err yield_somehow(weft__worker *me, weft__task *t)
{
    weft__worker_flush(me);
    if (weft__ring_length(&me->ready) == 0) {
        if (me->until_look > 0 && nothing_else(me))
            return WEFT_OK;
        me->fresh_first = true;
    }
    (void)weft__leave_for_next(t, after_any_yield);
    return WEFT_OK;
}

/* Behind those for whom it makes room. */
static void after_tick(void *arg)
{
    weft__task *t = arg;
    weft__worker *me = weft__stack_here()->worker;
    weft__fork_leave(t->stack);
    if (t->place->kind == WEFT__POOL && weft__ring_push(&me->spent, t))
        weft__wake_one(me->rt);
    else
        weft__task_ready(t);
}

void weft__yield_now(weft__stack *s)
{
    weft__waiter *self = s->forks.here.me;
    weft__worker_flush(s->worker);
    (void)weft__leave_for_next(weft__of(self, weft__task, waiter), after_tick);
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
    weft__task *next = front(me, s);
    return next ? yield_to(me, s, t, next) : yield_somehow(me, t);
}

/* R1: of the thread that calls now. To some compilers the address of a thread's variable is a constant,
 * which they would take from before the task ran, on another thread. */
__attribute__((noinline)) static weft__waiter *waiter_of_thread(void)
{
    weft__waiter *w = &weft__waiter_of_thread;
    __asm__ volatile("" : "+r"(w));
    return w;
}

static void end(weft__stack *s, weft__task *t)
{
    weft__scope *scope = t->waiter.scope;
    weft__worker *me = s->worker;
    weft__stack_check(s);
    weft__fork_all_joined(s, t);
    s->forks.here.me = me ? &me->waiter : waiter_of_thread();
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
    if (me->turns % CHILD_EVERY == 1 && weft__fork_steal_left(me->rt, &child)) {
        me->turns++;
        weft__worker_flush(me);
        weft__search_end(me);
        weft__fork_run(s, &child);
        return;
    }
    weft__task *t = weft__work_find(me);
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
    go(me, &me->native, s, NULL, NULL);
    while ((s = me->spare)) {
        me->spare = s->next;
        weft__stacks_put(&me->rt->stacks, s);
    }
    me->spares = 0;
}
