#include "model/leave.h"

#include <string.h>

#include "model/port.h"

weft rt;
weft__worker workers[WORKERS];
weft__stack stacks[WORKERS];
static weft__stack spares[WORKERS];
weft__task tasks[WORKERS];
static model_plain frames[WORKERS]; /* what lies on a stack: who goes on there has to see it */
static WEFT_ATOMIC(uint32_t) ready[WORKERS];

/* Task `t` was left with all that it had written; nobody else runs on its stack. */
void weft__task_ready(weft__task *t)
{
    size_t i = (size_t)(t - tasks);
    require(i < WORKERS && t->stack == &stacks[i]);
    model_write(&frames[i], model_read(&frames[i]) + 1);
    require(weft_atomic_exchange(&ready[i], 1, WEFT_RELEASE) == 0);
    weft__futex_wake(&ready[i], 1, false);
}

/* The stack is left; `after` runs on the next one, and so does everything until somebody comes back. */
int weft__switch(void **save, void *load, void (*after)(void *arg), void *arg)
{
    (void)save, (void)load;
    int i = model_thread();
    model_write(&frames[i], 1);
    after(arg);
    while (weft_atomic_load(&ready[i], WEFT_ACQUIRE) == 0)
        weft__futex_wait(&ready[i], 0, INT64_MAX, false);
    weft_atomic_store(&ready[i], 0, WEFT_RELAXED);
    require(model_read(&frames[i]) == 2);
    workers[i].spare = &spares[i];
    workers[i].spares = 1;
    weft_atomic_store(&workers[i].stack, &stacks[i], WEFT_RELEASE);
    weft__here_set(&stacks[i].forks.here);
    return 0;
}

/* What the library asks of others, unless the model or a file of the library has it. First what no thread here
 * comes to. */
#define OTHERWISE __attribute__((weak))

OTHERWISE weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out)
{
    (void)s, (void)large, (void)out;
    require(false);
    return WEFT_NOMEM;
}

OTHERWISE void weft__stack_check_canary(weft__stack *s)
{
    (void)s;
    require(false);
}

OTHERWISE weft__task *weft__work_on_stack(weft__worker *me)
{
    (void)me;
    require(false);
    return NULL;
}

OTHERWISE void weft__scope_ended(weft__scope *s, uint32_t n)
{
    (void)s, (void)n;
    require(false);
}

OTHERWISE weft_err weft__move(weft__task *t, weft_place *place)
{
    (void)t, (void)place;
    require(false);
    return WEFT_OK;
}

OTHERWISE weft_err weft_move(weft_place *place)
{
    (void)place;
    require(false);
    return WEFT_OK;
}

/* A task with a deadline would: those that may be late are made threads, or the model has a wheel. */
OTHERWISE void weft__timer_set(weft__timer *t)
{
    (void)t;
    require(false);
}

/* No weft_timer is in the wheel. */
OTHERWISE void weft__timed_fire(weft__timer *t, weft__fired *f)
{
    (void)t, (void)f;
    require(false);
}

/* What all have the same answer for: nobody is cancelled, and there is nothing to do. */
OTHERWISE weft *weft_here(void)
{
    return &rt;
}

OTHERWISE const char *weft_task_name(void)
{
    return "task";
}

OTHERWISE const char *weft_detail(void)
{
    return "";
}

OTHERWISE bool weft_cancelled(void)
{
    return false;
}

OTHERWISE bool weft__cancelled(const weft__waiter *self)
{
    (void)self;
    return false;
}

OTHERWISE void weft__scope_list(weft__waiter *self)
{
    (void)self;
}

OTHERWISE void weft__task_free(weft__task *t)
{
    (void)t;
}

OTHERWISE void weft__timer_remove(weft__timers *ts, weft__timer *t)
{
    (void)ts, (void)t;
}

OTHERWISE void weft__timed_begin(weft__fired *f)
{
    require(!f->first && !f->in_vain);
}

OTHERWISE uint32_t weft__timed_drop_all(weft__scope *s)
{
    (void)s;
    return 0;
}

OTHERWISE weft__task *weft__strand_next(weft__worker *me)
{
    (void)me;
    return NULL;
}

OTHERWISE void weft__work_warm(weft__worker *me)
{
    (void)me;
}

/* Nobody sleeps: a thread whose task waits is woken with it. */
OTHERWISE void weft__wake_slow(weft *w)
{
    (void)w;
}

void begin_workers(void)
{
    memset(&rt, 0, sizeof rt);
    memset(workers, 0, sizeof workers);
    memset(stacks, 0, sizeof stacks);
    memset(spares, 0, sizeof spares);
    memset(tasks, 0, sizeof tasks);
    model_port_reset();
    rt.workers = WORKERS;
    rt.worker = workers;
    rt.steal_span = 4;
    rt.crowded = true;
    rt.pool = (weft_place){&rt, WEFT__POOL};
    weft__list_init(&rt.idle.left);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].rt = &rt;
        workers[i].index = i;
        workers[i].until_look = 1;
        workers[i].spare = &spares[i];
        workers[i].spares = 1;
        weft__ring_init(&workers[i].ready, false);
        weft__ring_init(&workers[i].fresh, false);
        stacks[i].rt = spares[i].rt = &rt;
        stacks[i].worker = &workers[i];
        stacks[i].forks.here.me = &tasks[i].waiter;
        stacks[i].forks.here.detail = &stacks[i].detail;
        weft__list_init(&stacks[i].left);
        weft__forks_shut(&stacks[i].forks);
        tasks[i].waiter.kind = WEFT__WAITER_TASK;
        tasks[i].waiter.name = "task";
        tasks[i].place = &rt.pool;
        tasks[i].stack = &stacks[i];
        weft_atomic_store(&workers[i].stack, &stacks[i], WEFT_RELAXED);
        model_here(i, &stacks[i].forks.here);
    }
}
