/* Timers that lie in the wheel of a worker. */
#include "weft/weft.h"

#include "work/timers.h"

static weft_scope scope;
static weft_timer timers[TIMERS_MOST];
static int64_t base, fired; /* base: what the offsets count from, as libuv's loop has it */

static weft_err on_time(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&fired, 1, __ATOMIC_RELAXED);
    return WEFT_OK;
}

static void add(int64_t i)
{
    weft_deadline at = {base + timers_at[i] * 1000000};
    bench_need(weft_timer_start(&timers[i], &scope, on_time, NULL, at) == WEFT_OK,
               "a timer starts");
}

static void cancel(int64_t i)
{
    bench_need(weft_timer_cancel(&timers[i]), "a timer that has not fired is cancelled");
}

static int app(weft *w, int argc, char **argv)
{
    weft_scope_init(&scope, weft_loop(w), "timers");
    base = weft_clock();
    timers_measure(add, cancel, bench_arg(argc, argv, 1, TIMERS_MOST),
                   bench_arg(argc, argv, 2, 10));
    bench_need(weft_scope_join(&scope, weft_in_s(10)) == WEFT_OK, "no timer is left");
    weft_scope_fini(&scope);
    bench_check("the number of timers that fired", fired, 0);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
