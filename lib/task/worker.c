#include "task/worker.h"

#include "port/clock.h"

/* Every so many turns a worker looks at the inbox before its own queue. What comes from threads often
 * is somebody who has been waited for, and a turn may be long: they alternate. */
enum { INBOX_EVERY = 2 };
/* So many tasks of the loop run before others have a turn. They are short, and what waits for the
 * world should not wait for each computing task of the pool in between. */
enum { LOOP_TURN = 16 };

static _Thread_local weft__worker *self;

__attribute__((noinline)) weft__worker *weft__worker_self(void)
{
    __asm__ volatile(""); /* R1 */
    return self;
}

__attribute__((noinline)) void weft__worker_set(weft__worker *w)
{
    __asm__ volatile("");
    self = w;
}

void weft__make_work(weft *w, weft__runnable *r)
{
    weft__worker *me = weft__worker_self();
    weft__runq_push(me && me->rt == w ? &me->ready : &w->inbox, r);
    weft__wake_one(w);
}

void weft__task_ready(weft__task *t)
{
    if (t->place->kind == WEFT__LOOP)
        weft__strand_push(t->rt, t);
    else
        weft__make_work(t->rt, &t->run);
}

void weft__worker_leave(weft__task *t, weft__after after)
{
    weft__worker *me = weft__worker_self();
    me->after = after;
    weft__switch_to(&t->context, &me->context, after == WEFT__AFTER_END);
    /* Perhaps on another thread now: `me` is somebody else's (R1). */
}

static void run_task(weft__worker *me, weft__task *t)
{
    weft__resuming(t);
    weft__self_set(&t->waiter);
    weft__detail_use(&t->detail);
    weft__switch_to(&me->context, &t->context, 0);
    weft__self_set(&me->waiter);
    weft__detail_use(NULL);
    switch (me->after) {
    case WEFT__AFTER_PARK:
        if (!weft__parked(t))
            weft__task_ready(t);
        break;
    case WEFT__AFTER_YIELD:
        weft__task_ready(t);
        break;
    case WEFT__AFTER_END:
        weft__task_end(t);
        break;
    }
}

static void run(weft__worker *me, weft__runnable *r)
{
    if (!r->carrier) {
        run_task(me, weft__of(r, weft__task, run));
        return;
    }
    for (int i = 0; i < LOOP_TURN; i++) {
        weft__task *t = weft__strand_take(&me->rt->strand);
        if (!t)
            break;
        run_task(me, t);
    }
    weft__strand_pass(me->rt);
}

/* From the other workers, beginning with the next: the oldest they have. */
static weft__runnable *steal(weft__worker *me)
{
    weft *w = me->rt;
    for (int i = 1; i < w->workers; i++) {
        weft__worker *victim = &w->worker[(me->index + i) % w->workers];
        weft__runnable *r = weft__runq_pop(&victim->ready);
        if (r)
            return r;
    }
    return NULL;
}

static weft__runnable *find(weft__worker *me)
{
    weft *w = me->rt;
    weft__runnable *r = NULL;
    weft__poll_turn(w);
    if (++me->turns % INBOX_EVERY == 0)
        r = weft__runq_pop(&w->inbox);
    if (!r)
        r = weft__runq_pop(&me->ready);
    if (!r) {
        weft__search_begin(me);
        r = weft__runq_pop(&w->inbox);
        if (!r)
            r = steal(me);
    }
    if (r)
        weft__search_end(me);
    return r;
}

void weft__worker_run(weft__worker *me)
{
    weft__worker_set(me);
    weft__self_set(&me->waiter);
    weft__context_of_thread(&me->context);
    /* pairs with weft__engine_halt */
    while (!weft_atomic_load(&me->rt->stopping, WEFT_ACQUIRE)) {
        weft__runnable *r = find(me);
        if (r)
            run(me, r);
        else
            weft__worker_sleep(me);
    }
    weft__self_set(NULL);
    weft__worker_set(NULL);
}
