/* Timers of libuv, which lie in a heap. */
#include <uv.h>

#include "work/timers.h"

static uv_loop_t *loop;
static uv_timer_t timers[TIMERS_MOST];

static void on_time(uv_timer_t *t)
{
    (void)t;
    bench_fail("a timer that was to be cancelled fired");
}

static void add(int64_t i)
{
    bench_need(uv_timer_start(&timers[i], on_time, (uint64_t)timers_at[i], 0) == 0,
               "a timer starts");
}

static void cancel(int64_t i)
{
    uv_timer_stop(&timers[i]);
}

int main(int argc, char **argv)
{
    int64_t n = bench_arg(argc, argv, 1, TIMERS_MOST);
    loop = uv_default_loop();
    for (int64_t i = 0; i < n; i++)
        uv_timer_init(loop, &timers[i]);
    timers_measure(add, cancel, n, bench_arg(argc, argv, 2, 10));
    for (int64_t i = 0; i < n; i++)
        bench_check("a timer that is active", uv_is_active((uv_handle_t *)&timers[i]), 0);
    bench_check("what is left to be done", uv_run(loop, UV_RUN_NOWAIT), 0);
    return 0;
}
