/* A scope's count of its tasks: its owner goes on when all have ended and not before, sees what they did, and
 * frees it at once; also if it gives up waiting, for a while, because it was cancelled. */
#include "model/leave.h"
#include "port/clock.h"

static weft__scope scope, outer;
static model_plain did[WORKERS];
static int left;
static WEFT_ATOMIC(uint32_t) over; /* who ended the last task is past that */

static weft_scope *public_of(weft__scope *s)
{
    return (weft_scope *)(void *)s;
}

/* What the library asks of others. */
int64_t weft_clock(void)
{
    return weft__clock_ns();
}

/* The owner has started `n` tasks, which run elsewhere. */
static void begin(int n)
{
    enum { STEP = 64 };
    begin_workers();
    weft_scope_init(public_of(&scope), &rt.pool, "scope");
    weft_scope_init(public_of(&outer), &rt.pool, "outer");
    scope.owner = &tasks[0].waiter;
    weft_atomic_store(&scope.live, STEP, WEFT_RELAXED);
    scope.credit = (uint32_t)(STEP - n);
    tasks[0].waiter.scope = &outer;
    left = n;
    weft_atomic_store(&over, 0, WEFT_RELAXED);
}

static void one(void)
{
    begin(1);
}

static void two(void)
{
    begin(2);
}

static void one_thread(void)
{
    begin(1);
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

static void ends(int i)
{
    model_write(&did[i], 1);
    left--;
    weft__scope_ended(&scope, 1);
}

static void all_seen(int tasks_of)
{
    require(left == 0);
    for (int i = 1; i <= tasks_of; i++)
        require(model_read(&did[i]) == 1);
    model_gone(&scope, sizeof scope);
}

static void joins(int i)
{
    if (i > 0) {
        ends(i);
        return;
    }
    require(weft_scope_join_at(public_of(&scope), WEFT_FOREVER, "model") == WEFT_OK);
    all_seen(1);
}

static void joins_two(int i)
{
    if (i > 0) {
        ends(i);
        return;
    }
    require(weft_scope_join_at(public_of(&scope), WEFT_FOREVER, "model") == WEFT_OK);
    all_seen(2);
}

/* The owner is cancelled while it waits; then it ends its scope. */
static void cancelled(int i)
{
    if (i == 1) {
        ends(1);
        weft_atomic_store(&over, 1, WEFT_RELEASE);
        weft__futex_wake(&over, 1, false);
        return;
    }
    if (i == 2) {
        weft_scope_cancel_at(public_of(&outer), "model");
        return;
    }
    weft_err e = weft_scope_join_at(public_of(&scope), WEFT_FOREVER, "model");
    require(e == WEFT_OK || e == WEFT_CANCELLED);
    weft_scope_fini_at(public_of(&scope), "model");
    all_seen(1);
    /* Nothing is left that could end another wait. */
    while (weft_atomic_load(&over, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&over, 0, INT64_MAX, false);
    require(!(weft__told(&tasks[0].waiter) & WEFT__GRANTED));
}

const model models[] = {{"scope.task", 2, one, joins, NULL},
                        {"scope.thread", 2, one_thread, joins, NULL},
                        {"scope.two", 3, two, joins_two, NULL},
                        {"scope.cancelled", 3, one, cancelled, NULL},
                        {NULL, 0, NULL, NULL, NULL}};
