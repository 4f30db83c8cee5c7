/* Going to sleep and being woken: the eventcount and the poll token together. Each worker is worker.c's
 * search for work, idle.c and poll.c; the tasks that it finds are calls here. What must not happen is that
 * all sleep while there is something to do: that is a deadlock, which the checker reports. */
#include <string.h>

#include "model/checker.h"
#include "model/port.h"
#include "task/worker.h"

enum { THREADS = 3, TASKS = 3 };

static weft rt;
static weft__worker workers[2];
static weft__stack stacks[2];
static weft__task task[TASKS];
static weft__source source;
static WEFT_ATOMIC(uint32_t) offered; /* by whoever makes work of the source */
static WEFT_ATOMIC(uint32_t) served, met;
static weft__timer timer;
static weft__task sleeper;
static int ran, one = 1, two = 2; /* so many tasks end an execution */

/* No stack is ever free here. */
bool weft__stacks_trim(weft__stacks *s, int64_t now, bool busy)
{
    (void)s;
    (void)now;
    (void)busy;
    return false;
}

static weft_err count(void *total)
{
    if (++ran == *(int *)total)
        weft__engine_halt(&rt);
    return WEFT_OK;
}

static void start(int i, weft_fn fn, int *total)
{
    task[i].fn = fn;
    task[i].arg = total;
    weft__make_work(&rt, &task[i]);
}

static bool source_look(void *ctx)
{
    (void)ctx;
    return weft_atomic_load(&offered, WEFT_SEQ_CST) != 0;
}

static void source_serve(void *ctx)
{
    (void)ctx;
    if (weft_atomic_exchange(&offered, 0, WEFT_SEQ_CST) == 0)
        return;
    if (!task[0].fn)
        start(0, count, &one);
    weft_atomic_store(&served, 1, WEFT_RELEASE);
    weft__futex_wake(&served, 1, false);
}

static bool source_arm(void *ctx)
{
    return !source_look(ctx);
}

static void source_disarm(void *ctx)
{
    (void)ctx;
}

/* What the library asks of others. */
/* No weft_timer is in its wheel. */
void weft__timed_fire(weft__timer *t, weft__fired *f)
{
    (void)t, (void)f;
    require(false);
}

void weft__timed_begin(weft__fired *f)
{
    require(!f->first && !f->in_vain);
}

bool weft__fork_any(weft *w)
{
    return weft_atomic_load(&w->stopping, WEFT_SEQ_CST) != 0;
}

void weft__fork_ask_all(weft *w)
{
    (void)w;
}

void weft__unpark(weft__waiter *w)
{
    require(w == &sleeper.waiter && weft__clock_ns() >= timer.at);
    weft__make_work(&rt, &task[0]);
}

void weft__worker_flush(weft__worker *me)
{
    (void)me;
}

weft_err weft__poller_open(weft__poller *p)
{
    (void)p;
    return WEFT_OK;
}

static void reset(int n)
{
    memset(&rt, 0, sizeof rt);
    memset(workers, 0, sizeof workers);
    memset(stacks, 0, sizeof stacks);
    memset(task, 0, sizeof task);
    memset(&sleeper, 0, sizeof sleeper);
    model_port_reset();
    ran = 0;
    rt.workers = n;
    rt.worker = workers;
    rt.steal_span = n;
    rt.crowded = true;
    weft_atomic_store(&rt.stacks.due, INT64_MAX, WEFT_RELAXED);
    weft__idle_init(&rt.idle);
    (void)weft__poll_open(&rt.poll);
    source = (weft__source){
        .look = source_look, .serve = source_serve, .arm = source_arm, .disarm = source_disarm};
    weft__source_add(&rt, &source);
    timer = (weft__timer){.at = 10, .who = &sleeper.waiter};
    for (int i = 0; i < n; i++) {
        weft__worker *k = &workers[i];
        k->rt = &rt;
        k->index = i;
        k->until_look = k->look_every = 1;
        weft__ring_init(&k->ready, n == 1);
        weft__ring_init(&k->fresh, n == 1);
        weft__timers_init(&k->timers);
        weft__list_init(&k->asleep);
        stacks[i].worker = k;
        stacks[i].forks.here.me = &k->waiter;
        model_here(i, &stacks[i].forks.here);
    }
}

static void one_worker(void)
{
    reset(1);
}

static void two_workers(void)
{
    reset(2);
}

/* Computes until the source was served, which somebody else has to do. */
static weft_err compute(void *arg)
{
    while (weft_atomic_load(&served, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&served, 0, INT64_MAX, false);
    return count(arg);
}

/* Two that need a worker each. */
static weft_err meet(void *arg)
{
    weft_atomic_fetch_add(&met, 1, WEFT_SEQ_CST);
    weft__futex_wake(&met, 2, false);
    for (uint32_t n; (n = weft_atomic_load(&met, WEFT_ACQUIRE)) < 2;)
        weft__futex_wait(&met, n, INT64_MAX, false);
    return count(arg);
}

static weft_err spawn(void *arg)
{
    start(1, meet, arg);
    start(2, meet, arg);
    return WEFT_OK;
}

static void be_worker(int i)
{
    weft__worker *me = &workers[i];
    while (weft_atomic_load(&rt.stopping, WEFT_ACQUIRE) == 0) {
        weft__task *t = weft__work_find(me);
        if (t)
            (void)t->fn(t->arg);
        else
            weft__worker_sleep(me);
    }
}

static void everything_ran(void)
{
    require(weft_atomic_load(&rt.idle.sleepers, WEFT_RELAXED) == 0);
}

/* A task comes from outside. */
static void wake(int i)
{
    if (i == 0)
        be_worker(0);
    else
        start(0, count, &one);
}

/* Two that need a worker each. */
static void pool(int i)
{
    if (i < 2) {
        be_worker(i);
        return;
    }
    start(0, meet, &two);
    start(1, meet, &two);
}

/* A source has something: the one worker may be on its way into the poller. */
static void kick(int i)
{
    if (i == 0) {
        be_worker(0);
        return;
    }
    weft_atomic_exchange(&offered, 1, WEFT_SEQ_CST);
    weft__source_kick(&rt);
}

/* A timer of somebody who does not look himself. */
static void late(int i)
{
    task[0].fn = count;
    task[0].arg = &one;
    if (i == 0) {
        be_worker(0);
        return;
    }
    weft__timer_set(&timer);
}

/* One worker computes until the source was served: the token has to reach the other. */
static void token(int i)
{
    if (i < 2) {
        be_worker(i);
        return;
    }
    start(0, compute, &one);
    weft_atomic_exchange(&offered, 1, WEFT_SEQ_CST);
    weft__source_kick(&rt);
}

/* A task makes two that need a worker each: one wake wakes the next. */
static void chain(int i)
{
    if (i < 2)
        be_worker(i);
    else
        start(0, spawn, &two);
}

const model models[] = {{"idle.wake", 2, one_worker, wake, everything_ran},
                        {"idle.kick", 2, one_worker, kick, everything_ran},
                        {"idle.timer", 2, two_workers, late, NULL},
                        {"idle.pool", 3, two_workers, pool, everything_ran},
                        {"idle.token", 3, two_workers, token, everything_ran},
                        {"idle.chain", 3, two_workers, chain, everything_ran},
                        {NULL, 0, NULL, NULL, NULL}};
