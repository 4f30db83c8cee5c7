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

/* What no task here comes to, unless the model has it. */
weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out)
{
    (void)s, (void)large, (void)out;
    require(false);
    return WEFT_NOMEM;
}

__attribute__((weak)) void weft__scope_ended(weft__scope *s, uint32_t n)
{
    (void)s, (void)n;
    require(false);
}

__attribute__((weak)) weft__task *weft__strand_next(weft__worker *me)
{
    (void)me;
    return NULL;
}

__attribute__((weak)) void weft__work_warm(weft__worker *me)
{
    (void)me;
}

__attribute__((weak)) weft__task *weft__work_on_stack(weft__worker *me)
{
    (void)me;
    require(false);
    return NULL;
}

void weft__stack_check_canary(weft__stack *s)
{
    (void)s;
    require(false);
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
