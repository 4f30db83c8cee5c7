#include "port/clock.h"
#include "port/err.h"
#include "task/wait.h"
#include "weft/timer.h"

void weft_ticker_init_at(weft_ticker *t, int64_t period_ns, weft_deadline first, const char *where)
{
    if (period_ns < 1)
        weft__misuse(where, "a ticker with a period of %lld ns: it is at least 1",
                     (long long)period_ns);
    *t = (weft_ticker){.period = period_ns,
                       .next = first.ns == INT64_MIN ? weft__clock_ns() : first.ns};
}

/* Until `at`, or until `by` or a cancellation, without effect. */
static weft_err await(int64_t at, weft_deadline by)
{
    weft_deadline until = {at < by.ns ? at : by.ns};
    if (weft_sleep(until) == WEFT_CANCELLED)
        return weft__fail(WEFT_CANCELLED, "ticker: %s was cancelled", weft_task_name());
    if (until.ns < at && weft__clock_ns() < at)
        return weft__fail(WEFT_LATE, "ticker: no tick before the deadline");
    return WEFT_OK;
}

/* The first moment of the ticker after `now`; one that there is not is never. */
static int64_t after(int64_t tick, uint64_t passed, int64_t period)
{
    int64_t next;
    if (__builtin_mul_overflow(passed + 1, period, &next) ||
        __builtin_add_overflow(tick, next, &next))
        return INT64_MAX;
    return next;
}

weft_err weft_ticker_wait(weft_ticker *t, uint64_t *missed, weft_deadline by)
{
    weft_err e = await(t->next, by);
    if (e != WEFT_OK)
        return e;
    uint64_t late = (uint64_t)weft__clock_ns() - (uint64_t)t->next;
    uint64_t passed = late / (uint64_t)t->period;
    t->next = after(t->next, passed, t->period);
    if (missed)
        *missed = passed;
    return WEFT_OK;
}
