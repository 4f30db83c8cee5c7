/* Calls of which one decides for all, calls with a deadline, and calls that come back as they end. What had its
 * effect is never reported as late, none is left running, and each comes back once. */
#include "model/leave.h"
#include "weft/gather.h"

#include <string.h>

enum { CALLS = 2, DUE = 5 };

/* What the runtime needs for one of them. */
typedef struct job {
    weft__task task;
    WEFT_ATOMIC(uint32_t) started;
    bool over;
} job;

static weft__scope outer;
static job jobs[CALLS];
static weft_call calls[CALLS];
static model_plain did[CALLS];
static WEFT_ATOMIC(uint32_t) news, over; /* for the workers */
static int started, effects, helpers;    /* so many threads run them */
static bool all_start;                   /* none is refused because one before it has decided */
static weft__task *runs[WORKERS];
static union {
    weft_each each;
    char room[2048]; /* atomics are larger in a model */
} all;

/* What the library asks of others. */
weft_err weft__task_create(weft__task **t, weft_place *place, weft_fn fn, void *arg,
                           const char *name, const char *where)
{
    require(started < CALLS);
    *t = &jobs[started++].task;
    **t = (weft__task){.fn = fn, .arg = arg, .place = place, .where = where};
    (*t)->waiter.name = name;
    return WEFT_OK;
}

static void tell(void)
{
    weft_atomic_fetch_add(&news, 1, WEFT_RELEASE);
    weft__futex_wake(&news, WORKERS, false);
}

static void ends(void)
{
    weft_atomic_store(&over, 1, WEFT_RELEASE);
    tell();
}

weft_err weft__task_start(weft__task *t)
{
    job *j = (job *)(void *)t;
    weft_atomic_store(&j->started, 1, WEFT_RELEASE);
    if (all_start)
        weft__futex_wake(&j->started, 1, false);
    else
        tell();
    return WEFT_OK;
}

/* Has its effect, unless it is cancelled before. */
static weft_err takes_effect(void *number)
{
    int n = *(int *)number;
    if (weft_atomic_load(&runs[model_thread()]->waiter.scope->cancelled, WEFT_ACQUIRE))
        return WEFT_CANCELLED;
    model_write(&did[n], 1);
    effects++;
    return WEFT_OK;
}

static weft_err fails(void *number)
{
    (void)number;
    return WEFT_MISSING;
}

static void begin(int threads, weft_fn first, weft_fn second)
{
    static int number[CALLS] = {0, 1};
    begin_workers();
    weft_scope_init((weft_scope *)(void *)&outer, &rt.pool, "outer");
    tasks[0].waiter.scope = &outer;
    memset(jobs, 0, sizeof jobs);
    weft_atomic_store(&news, 0, WEFT_RELAXED);
    weft_atomic_store(&over, 0, WEFT_RELAXED);
    started = effects = 0;
    helpers = threads;
    all_start = false;
    for (int n = 0; n < CALLS; n++)
        calls[n] = (weft_call){.fn = n == 0 ? first : second, .arg = &number[n]};
}

static void one_helps(void)
{
    begin(1, takes_effect, takes_effect);
}

/* Who waits is a thread, so that it may be late. */
static void may_be_late(void)
{
    begin(1, takes_effect, takes_effect);
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

static void two_help(void)
{
    begin(2, takes_effect, takes_effect);
}

static void all_come(void)
{
    one_helps();
    all_start = true;
}

static void all_come_late(void)
{
    may_be_late();
    all_start = true;
}

static void two_come(void)
{
    two_help();
    all_start = true;
}

static void first_fails(void)
{
    begin(2, fails, takes_effect);
}

/* Whether thread `i` runs calls[n]. */
static bool is_his(int n, int i)
{
    return helpers == 1 || n == i - 1;
}

static void run_job(int n, int i)
{
    weft__task *t = &jobs[n].task;
    weft__scope *s = t->waiter.scope;
    jobs[n].over = true;
    runs[i] = t;
    t->result = t->fn(t->arg);
    weft__scope_forget(t);
    weft__scope_ended(s, 1);
}

static bool run_one(int i)
{
    for (int n = 0; n < CALLS; n++) {
        if (!is_his(n, i) || jobs[n].over || !weft_atomic_load(&jobs[n].started, WEFT_ACQUIRE))
            continue;
        run_job(n, i);
        return true;
    }
    return false;
}

static void run_all(int i)
{
    for (int n = 0; n < CALLS; n++) {
        if (!is_his(n, i))
            continue;
        while (weft_atomic_load(&jobs[n].started, WEFT_ACQUIRE) == 0)
            weft__futex_wait(&jobs[n].started, 0, INT64_MAX, false);
        run_job(n, i);
    }
}

static void helps(int i)
{
    if (all_start) {
        run_all(i);
        return;
    }
    for (;;) {
        uint32_t heard = weft_atomic_load(&news, WEFT_ACQUIRE);
        bool last = weft_atomic_load(&over, WEFT_ACQUIRE);
        if (run_one(i))
            continue;
        if (last)
            return;
        weft__futex_wait(&news, heard, INT64_MAX, false);
    }
}

/* Nothing runs any more, and who waited has seen all that did. */
static void is_over(void)
{
    for (int n = 0; n < CALLS; n++) {
        require(calls[n].result != WEFT_OK || calls[n].fn != takes_effect || n >= started ||
                model_read(&did[n]) == 1);
        require(n >= started || jobs[n].over);
    }
    ends();
}

static void within(int i)
{
    if (i > 0) {
        helps(i);
        return;
    }
    int number = 0;
    weft_err e = weft_within(takes_effect, &number, (weft_deadline){DUE});
    require(e == (effects == 1 ? WEFT_OK : WEFT_LATE));
    require(effects == 0 || model_read(&did[0]) == 1);
    ends();
}

static void first_by(int i, weft_deadline by)
{
    size_t which;
    if (i > 0) {
        helps(i);
        return;
    }
    weft_err e = weft_first(&rt.pool, calls, CALLS, &which, by);
    require((e == WEFT_OK) == (effects > 0));
    require(e == WEFT_OK ? which < CALLS && calls[which].result == WEFT_OK
                         : e == WEFT_LATE && which == CALLS);
    is_over();
}

static void first(int i)
{
    first_by(i, WEFT_FOREVER);
}

static void first_late(int i)
{
    first_by(i, (weft_deadline){DUE});
}

static void first_ok(int i)
{
    size_t which;
    if (i > 0) {
        helps(i);
        return;
    }
    require(weft_first_ok(&rt.pool, calls, CALLS, &which, WEFT_FOREVER) == WEFT_OK);
    require(which == 1 && effects == 1);
    is_over();
}

/* One fails: the other one had its effect before, or is cancelled. */
static void gather(int i)
{
    if (i > 0) {
        helps(i);
        return;
    }
    require(weft_gather(&rt.pool, calls, CALLS, WEFT_FOREVER) == WEFT_MISSING);
    require(calls[1].result == (effects == 1 ? WEFT_OK : WEFT_CANCELLED));
    is_over();
}

static void each_by(int i, weft_deadline by)
{
    weft_call *c;
    bool given[CALLS] = {false};
    if (i > 0) {
        helps(i);
        return;
    }
    require(weft_each_start(&all.each, &rt.pool, calls, CALLS, "each") == WEFT_OK);
    for (int n = 0; n < CALLS; n++) {
        weft_err e = weft_each_next(&all.each, &c, n == 0 ? by : WEFT_FOREVER);
        require(e == WEFT_OK || (e == WEFT_LATE && n == 0));
        if (e == WEFT_LATE)
            require(weft_each_next(&all.each, &c, WEFT_FOREVER) == WEFT_OK);
        require(c->result == WEFT_OK && !given[c - calls]);
        require(model_read(&did[c - calls]) == 1);
        given[c - calls] = true;
    }
    require(weft_each_next(&all.each, &c, WEFT_FOREVER) == WEFT_CLOSED);
    weft_each_fini(&all.each);
    model_gone(&all, sizeof all);
}

static void each(int i)
{
    each_by(i, WEFT_FOREVER);
}

static void each_late(int i)
{
    each_by(i, (weft_deadline){DUE});
}

const model models[] = {{"calls.within", 2, may_be_late, within, NULL},
                        {"calls.first", 2, one_helps, first, NULL},
                        {"calls.first-late", 2, may_be_late, first_late, NULL},
                        {"calls.each", 2, all_come, each, NULL},
                        {"calls.each-late", 2, all_come_late, each_late, NULL},
                        {"calls.two-first", 3, two_help, first, NULL},
                        {"calls.first-ok", 3, first_fails, first_ok, NULL},
                        {"calls.gather", 3, first_fails, gather, NULL},
                        {"calls.two-each", 3, two_come, each, NULL},
                        {NULL, 0, NULL, NULL, NULL}};
