/* Timers of a scope: each makes its task or is counted out, once, by the wheel, by who cancels it or by the end
 * of its scope; the owner goes on after that, and what lies in its memory is not touched any more. */
#include "model/leave.h"
#include "weft/timer.h"

enum { TIMERS = 2, DUE = 5 };

static weft__scope scope, outer;
static weft_timer timer[TIMERS];
static weft__task made[TIMERS];
static model_plain given[TIMERS], did[TIMERS]; /* by who starts one, and by its task */
static WEFT_ATOMIC(uint32_t) hung;
static int begun, ran[TIMERS];
static bool no_memory, cancelled[TIMERS];

static weft_scope *public_of(weft__scope *s)
{
    return (weft_scope *)(void *)s;
}

/* What the library asks of others. */
weft_err weft__task_create(weft__task **t, weft_place *place, weft_fn fn, void *arg,
                           const char *name, const char *where)
{
    (void)place, (void)name, (void)where;
    if (no_memory)
        return WEFT_NOMEM;
    require(begun < TIMERS);
    *t = &made[begun++];
    **t = (weft__task){.fn = fn, .arg = arg};
    return WEFT_OK;
}

/* It runs at once and ends. */
weft_err weft__task_start(weft__task *t)
{
    weft__scope *s = t->waiter.scope;
    require(t->fn(t->arg) == WEFT_OK);
    weft__scope_ended(s, 1);
    return WEFT_OK;
}

/* Whoever waits for it may have the wheel turn. */
void weft__poll_earlier(weft *w, int64_t at)
{
    (void)w, (void)at;
    weft_atomic_store(&hung, 1, WEFT_RELEASE);
    weft__futex_wake(&hung, 1, false);
}

static weft_err fires(void *arg)
{
    size_t n = (size_t)((weft_timer *)arg - timer);
    require(model_read(&given[n]) == 1);
    model_write(&did[n], 1);
    ran[n]++;
    return WEFT_OK;
}

/* Its owner is thread `owner`, and has started `others` tasks, which run elsewhere. */
static void begin(int owner, int others)
{
    enum { STEP = 64 };
    begin_workers();
    for (int i = 0; i < WORKERS; i++)
        weft__timers_init(&workers[i].timers);
    weft_scope_init(public_of(&scope), &rt.pool, "scope");
    weft_scope_init(public_of(&outer), &rt.pool, "outer");
    tasks[owner].waiter.scope = &outer;
    scope.owner = &tasks[owner].waiter;
    weft_atomic_store(&scope.live, STEP, WEFT_RELAXED);
    scope.credit = (uint32_t)(STEP - others);
    weft_atomic_store(&hung, 0, WEFT_RELAXED);
    begun = 0;
    no_memory = false;
    for (int n = 0; n < TIMERS; n++) {
        timer[n] = (weft_timer)WEFT_TIMER_INIT;
        ran[n] = 0;
        cancelled[n] = false;
    }
}

static weft_err starts(int n)
{
    model_write(&given[n], 1);
    return weft_timer_start(&timer[n], public_of(&scope), fires, &timer[n], (weft_deadline){DUE});
}

/* One is started by thread 0, the owner. */
static void none_yet(void)
{
    begin(0, 0);
}

/* One hangs in the wheel. */
static void one_hangs(void)
{
    begin(0, 0);
    require(starts(0) == WEFT_OK);
}

static void two_hang(void)
{
    one_hangs();
    require(starts(1) == WEFT_OK);
}

/* Both will be in vain. */
static void two_in_vain(void)
{
    two_hang();
    no_memory = true;
}

/* Thread 0 is a task of the scope, thread 1 its owner. */
static void from_within(void)
{
    begin(1, 1);
}

static void two_from_within(void)
{
    begin(1, 2);
}

/* As the holder of the poll token does. */
static void turns(void)
{
    model_late(DUE);
    for (int i = 0; i < WORKERS; i++)
        if (weft_atomic_load(&workers[i].timers.earliest, WEFT_SEQ_CST) <= DUE)
            (void)weft__timers_expire(&workers[i].timers, DUE);
}

/* Once it was told. */
static void turns_when_due(void)
{
    while (weft_atomic_load(&hung, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&hung, 0, INT64_MAX, false);
    turns();
}

static void joins(void)
{
    require(weft_scope_join_at(public_of(&scope), WEFT_FOREVER, "model") == WEFT_OK);
}

/* The owner goes on: nobody touches its memory any more, and it has seen what ran. */
static void is_over(int timers)
{
    for (int n = 0; n < timers; n++) {
        require(ran[n] + cancelled[n] <= 1);
        require(ran[n] == 0 || model_read(&did[n]) == 1);
        model_gone(&timer[n], sizeof timer[n]);
    }
    model_gone(&scope, sizeof scope);
}

/* The owner joins, and the wheel turns. */
static void fire(int i)
{
    if (i > 0) {
        turns_when_due();
        return;
    }
    require(starts(0) == WEFT_OK);
    joins();
    require(ran[0] == 1);
    is_over(1);
}

/* And cancels it just then. */
static void cancel(int i)
{
    if (i > 0) {
        turns_when_due();
        return;
    }
    cancelled[0] = weft_timer_cancel(&timer[0]);
    joins();
    require(ran[0] + cancelled[0] == 1);
    is_over(1);
}

static void nothing_hangs(void)
{
    for (int i = 0; i < WORKERS; i++)
        require(weft_atomic_load(&workers[i].timers.earliest, WEFT_RELAXED) == INT64_MAX);
}

/* Somebody else does, whose the timer is, while the owner joins. */
static void dismiss(int i)
{
    if (i == 2) {
        turns_when_due();
    } else if (i == 1) {
        cancelled[0] = weft_timer_cancel(&timer[0]);
    } else {
        joins();
        require(ran[0] <= 1 && (ran[0] == 0 || model_read(&did[0]) == 1));
        model_gone(&scope, sizeof scope);
    }
}

static void one_counted(void)
{
    require(ran[0] + cancelled[0] == 1);
    nothing_hangs();
}

/* The owner moves it on if it can. */
static void again(int i)
{
    if (i > 0) {
        turns_when_due();
        return;
    }
    require(starts(0) == WEFT_OK);
    bool moved = weft_timer_cancel(&timer[0]);
    if (moved)
        require(starts(0) == WEFT_OK);
    cancelled[0] = weft_timer_cancel(&timer[0]);
    joins();
    require(ran[0] + cancelled[0] == 1);
    require(moved || !cancelled[0]);
    is_over(1);
}

/* The owner ends the scope just then. */
static void end(int i)
{
    if (i > 0) {
        turns_when_due();
        return;
    }
    weft_scope_fini_at(public_of(&scope), "model");
    is_over(TIMERS);
}

/* Who cancels the scope is the last to count out; the owner frees it at once. */
static void cancel_scope(int i)
{
    if (i > 0) {
        weft_scope_cancel_at(public_of(&scope), "model");
        return;
    }
    joins();
    require(ran[0] == 0);
    is_over(1);
}

/* There is no memory for the tasks. */
static void in_vain(int i)
{
    if (i > 0) {
        turns_when_due();
        return;
    }
    require(weft_scope_join_at(public_of(&scope), WEFT_FOREVER, "model") == WEFT_NOMEM);
    weft_scope_fini_at(public_of(&scope), "model");
    is_over(TIMERS);
}

/* A task starts one while the owner ends the scope: it is refused, or found. */
static void starts_late(int n)
{
    weft_err e = starts(n);
    require(e == WEFT_OK || e == WEFT_CANCELLED);
    weft__scope_ended(&scope, 1);
}

static void start(int i)
{
    if (i == 0) {
        starts_late(0);
        return;
    }
    weft_scope_fini_at(public_of(&scope), "model");
    require(ran[0] == 0);
    is_over(1);
}

/* Two tasks do so. */
static void two_start(int i)
{
    if (i != 1) {
        starts_late(i / 2);
        return;
    }
    weft_scope_fini_at(public_of(&scope), "model");
    is_over(TIMERS);
}

/* And the wheel turns meanwhile. */
static void start_and_turn(int i)
{
    if (i == 2) {
        turns();
        return;
    }
    if (i == 0) {
        starts_late(0);
        return;
    }
    weft_scope_fini_at(public_of(&scope), "model");
    is_over(1);
}

const model models[] = {{"timed.fire", 2, none_yet, fire, nothing_hangs},
                        {"timed.cancel", 2, one_hangs, cancel, nothing_hangs},
                        {"timed.again", 2, none_yet, again, nothing_hangs},
                        {"timed.end", 2, two_hang, end, nothing_hangs},
                        {"timed.cancel-scope", 2, one_hangs, cancel_scope, nothing_hangs},
                        {"timed.in-vain", 2, two_in_vain, in_vain, nothing_hangs},
                        {"timed.start", 2, from_within, start, nothing_hangs},
                        {"timed.dismiss", 3, one_hangs, dismiss, one_counted},
                        {"timed.two-start", 3, two_from_within, two_start, nothing_hangs},
                        {"timed.start-and-turn", 3, from_within, start_and_turn, nothing_hangs},
                        {NULL, 0, NULL, NULL, NULL}};
