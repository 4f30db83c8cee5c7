#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "task/worker.h"

static void init_places(weft *w)
{
    w->pool = (weft_place){w, WEFT__POOL};
    w->loop = (weft_place){w, WEFT__LOOP};
    w->threads = (weft_place){w, WEFT__THREADS};
}

static void init_worker(weft *w, int i, const weft__engine_opts *opts)
{
    weft__worker *k = &w->worker[i];
    memset(k, 0, offsetof(weft__worker, timers));
    k->rt = w;
    k->index = i;
    k->waiter = (weft__waiter){.kind = WEFT__WAITER_THREAD, .name = "scheduler"};
    k->bound = opts->cpu != NULL;
    k->cpu = opts->cpu ? opts->cpu[i] : -1;
    weft__ring_init(&k->ready, opts->workers == 1);
    weft__ring_init(&k->fresh, opts->workers == 1);
    weft__ring_init(&k->spent, opts->workers == 1);
    weft__timers_init(&k->timers);
    k->until_look = k->look_every = 1;
    k->loop_left = 1;
    k->steal_every = 1;
    weft__list_init(&k->asleep);
}

/* Each worker begins on a stack; so that cannot fail later. */
static weft_err give_stacks(weft *w)
{
    for (int i = 0; i < w->workers; i++) {
        weft__worker *k = &w->worker[i];
        weft_err e = weft__stacks_get(&w->stacks, false, &k->spare);
        if (e != WEFT_OK)
            return weft__fail_in(e, "worker %d", i);
        k->spare->next = NULL;
        k->spares = 1;
    }
    return WEFT_OK;
}

weft_err weft__engine_open(weft *w, const weft__engine_opts *opts)
{
    weft_err e = weft__poll_open(&w->poll);
    if (e != WEFT_OK)
        return e;
    size_t bytes = (size_t)opts->workers * sizeof *w->worker;
    w->worker = aligned_alloc(_Alignof(weft__worker), bytes);
    if (!w->worker) {
        weft__poll_close(&w->poll);
        return weft__fail(WEFT_NOMEM, "%d workers: out of memory", opts->workers);
    }
    w->workers = opts->workers;
    w->crowded = opts->crowded;
    for (w->steal_span = 1; w->steal_span < opts->workers;)
        w->steal_span *= 2;
    for (int i = 0; i < opts->workers; i++)
        init_worker(w, i, opts);
    init_places(w);
    weft__strand_init(&w->strand, w);
    weft__idle_init(&w->idle);
    weft__tasks_init(&w->tasks);
    weft__stacks_init(&w->stacks, w,
                      &(weft__stacks_opts){.size = opts->stack_size,
                                           .large = opts->large_stack,
                                           .most = opts->max_stacks,
                                           .unguarded = opts->unguarded,
                                           .report = opts->report_overflow});
    weft__side_init(&w->side);
    e = give_stacks(w);
    if (e != WEFT_OK)
        weft__engine_close(w);
    return e;
}

static void bind_self(const weft__worker *k)
{
    weft__cpuset one;
    if (!k->bound)
        return;
    weft__cpuset_clear(&one);
    weft__cpuset_add(&one, (unsigned)k->cpu);
    if (weft__thread_bind(&one) != WEFT_OK)
        weft__log_line(&k->rt->log, WEFT_LOG_WARN, "worker %d is not bound to CPU %d: %s", k->index,
                       k->cpu, weft_detail());
}

static void worker_thread(void *arg)
{
    weft__worker *k = arg;
    bind_self(k);
    weft__worker_run(k);
}

weft_err weft__engine_start(weft *w, int first)
{
    for (int i = first; i < w->workers; i++) {
        char name[24];
        snprintf(name, sizeof name, "weft-%d", i);
        weft_err e = weft__thread_start(&w->worker[i].thread, worker_thread, &w->worker[i], name);
        if (e != WEFT_OK) {
            weft__engine_halt(w);
            for (int j = first; j < i; j++)
                weft__thread_join(w->worker[j].thread);
            return e;
        }
    }
    return WEFT_OK;
}

void weft__engine_work(weft *w)
{
    bind_self(&w->worker[0]);
    weft__worker_run(&w->worker[0]);
    /* The thread is the program's again. */
    if (w->worker[0].bound && w->side.cpus_known)
        (void)weft__thread_bind(&w->side.cpus);
}

void weft__engine_halt(weft *w)
{
    weft_atomic_exchange(&w->stopping, 1, WEFT_SEQ_CST); /* pairs with weft__any_work */
    weft__wake_all(w);
}

void weft__engine_join(weft *w, int first)
{
    for (int i = first; i < w->workers; i++)
        weft__thread_join(w->worker[i].thread);
}

void weft__engine_close(weft *w)
{
    weft__hog_stop(w);
    weft__side_close(&w->side, &w->log, w->rank);
    weft__stacks_fini(&w->stacks);
    weft__tasks_fini(&w->tasks);
    weft__poll_close(&w->poll);
    free(w->worker);
    w->worker = NULL;
}

int64_t weft__engine_tasks(weft *w)
{
    int64_t n = w->tasks.total;
    for (weft__task *t = w->tasks.free; t; t = t->next)
        n--;
    for (int i = 0; i < w->workers; i++)
        n -= w->worker[i].frees;
    return n;
}

weft_place *weft_pool(weft *w)
{
    return &w->pool;
}

weft_place *weft_loop(weft *w)
{
    return &w->loop;
}

weft_place *weft_threads(weft *w)
{
    return &w->threads;
}

int weft_workers(const weft *w)
{
    return w->workers;
}
