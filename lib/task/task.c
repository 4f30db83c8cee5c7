#include "task/task.h"

#include <stdint.h>
#include <stdlib.h>

#include "port/clock.h"
#include "port/futex.h"
#include "task/worker.h"

/* Stacks start at different offsets in their pages, so that the tops of a thousand tasks do not all
 * fall into the same few sets of the cache. */
enum { COLOURS = 8, COLOUR = 128 };

/* Where every task begins, on its own stack. */
static void task_main(void *arg)
{
    weft__task *t = arg;
    weft__switch_entered(&t->context);
    t->result = t->fn(t->arg);
    weft__worker_leave(t, WEFT__AFTER_END);
    __builtin_unreachable();
}

static weft__task *place_on_stack(void *low, size_t size)
{
    uintptr_t top = (uintptr_t)low + size;
    uintptr_t colour = (uintptr_t)low / size % COLOURS * COLOUR;
    uintptr_t at = (top - colour - sizeof(weft__task)) & ~(uintptr_t)63;
    return (weft__task *)at;
}

weft_err weft__task_create(weft__task **out, weft_place *place, weft_fn fn, void *arg,
                           const char *name, size_t stack)
{
    weft__task *t;
    void *low = NULL;
    if (place->kind == WEFT__THREADS) {
        t = malloc(sizeof *t);
        if (!t)
            return weft__fail(WEFT_NOMEM, "task %s: out of memory", name);
    } else {
        weft_err e = weft__stacks_get(&place->rt->stacks, &stack, &low);
        if (e != WEFT_OK)
            return weft__fail_in(e, "task %s", name);
        t = place_on_stack(low, stack);
    }
    *t =
        (weft__task){.rt = place->rt,
                     .place = place,
                     .fn = fn,
                     .arg = arg,
                     .low = low,
                     .size = stack,
                     .waiter = {.name = name, .kind = low ? WEFT__WAITER_TASK : WEFT__WAITER_SIDE}};
    weft__list_init(&t->run.node);
    weft__list_init(&t->sibling);
    if (low)
        weft__context_make(&t->context, low, t, task_main, t);
    *out = t;
    return WEFT_OK;
}

void weft__task_free(weft__task *t)
{
    if (!t->low) {
        free(t);
        return;
    }
    weft__context_end(&t->context);
    weft__stacks_put(&t->rt->stacks, t->low, t->size);
}

void weft__task_end(weft__task *t)
{
    weft__scope *s = t->scope;
    /* In this order: when the scope is told, its owner may stop the runtime, stacks and all. */
    weft__scope_forget(s, t);
    weft__task_free(t);
    weft__scope_leave(s);
}

/* A task of the threads place, as the job of a side thread. */
struct thread_job {
    weft__job job;
    weft__task *task;
};

static void run_thread_job(weft__job *job)
{
    struct thread_job *j = (struct thread_job *)(void *)job;
    weft__task *t = j->task;
    free(j);
    weft__task_run_here(t);
    weft__task_end(t);
}

void weft__task_run_here(weft__task *t)
{
    weft__waiter *before = weft__self();
    weft__self_set(&t->waiter);
    weft__detail_use(&t->detail);
    t->result = t->fn(t->arg);
    weft__detail_use(NULL);
    weft__self_set(before);
}

weft_err weft__task_start(weft__task *t)
{
    if (t->low) {
        weft__task_ready(t);
        return WEFT_OK;
    }
    struct thread_job *j = malloc(sizeof *j);
    if (!j)
        return weft__fail(WEFT_NOMEM, "task %s: out of memory", t->waiter.name);
    *j = (struct thread_job){.job.run = run_thread_job, .task = t};
    weft_err e = weft__side_submit(&t->rt->side, &j->job);
    if (e != WEFT_OK)
        free(j);
    return e;
}

weft *weft_here(void)
{
    weft__waiter *self = weft__self();
    return self->kind == WEFT__WAITER_THREAD ? NULL : weft__of(self, weft__task, waiter)->rt;
}

weft_err weft_yield(void)
{
    weft__waiter *self = weft__self();
    if (self->kind == WEFT__WAITER_TASK)
        weft__worker_leave(weft__of(self, weft__task, waiter), WEFT__AFTER_YIELD);
    else
        weft__cpu_yield();
    return weft_cancelled() ? WEFT_CANCELLED : WEFT_OK;
}

weft_err weft_sleep(weft_deadline by)
{
    weft__waiter *self = weft__self();
    self->what = "sleep";
    while (!weft_atomic_load(&self->cancelled, WEFT_ACQUIRE) && weft__clock_ns() < by.ns)
        weft__park(self, by);
    self->what = NULL;
    return weft_cancelled() ? WEFT_CANCELLED : WEFT_OK;
}
