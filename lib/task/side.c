#include "task/side.h"

#include <stdio.h>
#include <string.h>

#include "port/clock.h"
#include "port/thread.h"
#include "task/wait.h"

enum { MOST_THREADS = 1024, ON_ROOM = 128 };
/* How long a thread without a job stays: long enough for a pause between two batches of files. */
static const int64_t linger_ns = INT64_C(2000000000);
/* When weft__side_close says first, and then again, what it waits for. */
static const int64_t tell_after_ns = INT64_C(1000000000), tell_every_ns = INT64_C(5000000000);

/* A side thread without a job; lies on its own stack. */
struct idler {
    weft__list node;
    weft__job *job; /* under the guard */
    weft__waiter *who;
};

/* One that runs a job; lies on its stack too. The name is a copy: the job may be gone before its end is known. */
struct runner {
    weft__list node;
    const char *what;
    char on[ON_ROOM];
};

void weft__side_init(weft__side *s)
{
    *s = (weft__side){.most = MOST_THREADS};
    s->cpus_known = weft__thread_cpus(&s->cpus) == WEFT_OK;
    weft__list_init(&s->jobs);
    weft__list_init(&s->idle);
    weft__list_init(&s->busy);
}

/* Wait for a job, or until it has waited long enough. Guard held before and after. */
static weft__job *await_job(weft__side *s)
{
    weft__list *n = weft__list_pop(&s->jobs);
    if (n)
        return weft__of(n, weft__job, node);
    struct idler me = {.who = weft__self()};
    weft_deadline by = {weft__clock_ns() + linger_ns};
    weft__list_push_front(&s->idle, &me.node);
    while (!me.job && !s->stopping && weft__clock_ns() < by.ns) {
        weft__guard_drop(&s->guard);
        (void)weft__park(me.who, by);
        (void)weft__told(me.who);
        weft__guard_take(&s->guard);
    }
    weft__list_remove(&me.node);
    return me.job;
}

/* Guard held before and after. */
static void run(weft__side *s, weft__job *job)
{
    struct runner me = {.what = job->kind->what};
    const char *on = job->kind->on(job);
    size_t n = strnlen(on, sizeof me.on - 1);
    memcpy(me.on, on, n);
    me.on[n] = '\0';
    weft__list_push(&s->busy, &me.node);
    weft__guard_drop(&s->guard);
    job->kind->run(job);
    weft__guard_take(&s->guard);
    weft__list_remove(&me.node);
}

static void side_thread(void *arg)
{
    weft__side *s = arg;
    if (s->cpus_known)
        (void)weft__thread_bind(&s->cpus); /* else it stays where its starter runs */
    weft__guard_take(&s->guard);
    for (weft__job *job; (job = await_job(s));)
        run(s, job);
    s->threads--;
    /* pairs with weft__side_close. The guard is dropped after it: `s` must stay until then, so the
     * closer takes the guard once more. */
    weft_atomic_fetch_add(&s->gone, 1, WEFT_RELEASE);
    weft__futex_wake(&s->gone, 1, false);
    weft__guard_drop(&s->guard);
}

/* Start one more thread for what is in s->jobs. Under the guard, so that the count is of threads that
 * are there: two that failed at once would each count on the other. */
static weft_err add_thread(weft__side *s)
{
    weft__thread t;
    weft_err e = weft__thread_start(&t, side_thread, s, "weft-side");
    if (e != WEFT_OK)
        return e;
    weft__thread_detach(t);
    s->threads++;
    return WEFT_OK;
}

weft_err weft__side_submit(weft__side *s, weft__job *job)
{
    weft_err e = WEFT_OK;
    weft__guard_take(&s->guard);
    weft__list *n = weft__list_pop(&s->idle);
    if (n) {
        struct idler *idler = weft__of(n, struct idler, node);
        idler->job = job;
        weft__unpark(idler->who); /* under the guard, which it takes before it goes */
        weft__guard_drop(&s->guard);
        return WEFT_OK;
    }
    weft__list_push(&s->jobs, &job->node);
    if (s->threads < s->most) {
        e = add_thread(s);
        if (e != WEFT_OK && s->threads > 0)
            e = WEFT_OK; /* one of them comes to it */
        if (e != WEFT_OK)
            weft__list_remove(&job->node);
    }
    weft__guard_drop(&s->guard);
    return e;
}

/* Guard held before and after. */
static void tell(weft__side *s, weft__log *log, int rank)
{
    struct runner first = {.what = NULL};
    int others = -1;
    weft__list_each (n, &s->busy)
        if (++others == 0)
            first = *weft__of(n, struct runner, node);
    weft__guard_drop(&s->guard);
    char beside[32] = "";
    if (others == 1)
        snprintf(beside, sizeof beside, ", nor has another one");
    if (others > 1)
        snprintf(beside, sizeof beside, ", nor have %d others", others);
    if (others >= 0)
        weft__log_line(log, WEFT_LOG_WARN,
                       "rank %d: waits to stop: %s '%s' has not ended%s, and cannot be interrupted",
                       rank, first.what, first.on, beside);
    weft__guard_take(&s->guard);
}

void weft__side_close(weft__side *s, weft__log *log, int rank)
{
    int64_t tell_at = weft__clock_ns() + tell_after_ns;
    weft__guard_take(&s->guard);
    s->stopping = true;
    weft__list_each (n, &s->idle)
        weft__unpark(weft__of(n, struct idler, node)->who);
    while (s->threads > 0) {
        uint32_t seen = weft_atomic_load(&s->gone, WEFT_ACQUIRE); /* pairs with side_thread */
        weft__guard_drop(&s->guard);
        bool late = !weft__futex_wait(&s->gone, seen, tell_at, false);
        weft__guard_take(&s->guard);
        if (late) {
            tell(s, log, rank);
            tell_at = weft__clock_ns() + tell_every_ns;
        }
    }
    weft__guard_drop(&s->guard);
}
