/* How long a task that a thread outside starts on the loop takes to run while the loop sleeps: one way,
 * with a pause before each. As in floor_eventfd.c both have a CPU for themselves. */
#include "bench.h"
#include "weft/weft.h"
#include "work/pace.h"

static int64_t sent, ran, late[PACE_MOST];

static weft_err posted(void *arg)
{
    *(int64_t *)arg = bench_clock() - __atomic_load_n(&sent, __ATOMIC_RELAXED);
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELEASE);
    return WEFT_OK;
}

static void post(weft_scope *s, int64_t i)
{
    int64_t by = bench_clock() + 20000000000;
    pace_pause();
    __atomic_store_n(&sent, bench_clock(), __ATOMIC_RELAXED);
    bench_need(weft_go(s, posted, &late[i]) == WEFT_OK, "a task is posted");
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) != i + 1)
        bench_need(bench_clock() < by, "the loop wakes within 20 s");
}

int main(int argc, char **argv)
{
    weft *w;
    weft_scope s;
    int64_t rounds = bench_arg(argc, argv, 1, 2000);
    bench_need(rounds <= PACE_MOST, "there is room for every round");
    bench_pin(1); /* what weft starts is bound to this CPU too */
    bench_need(weft_start(&w, NULL) == WEFT_OK, "weft starts");
    bench_pin(0);
    weft_scope_init(&s, weft_loop(w), "posted");
    for (int64_t i = 0; i < rounds; i++)
        post(&s, i);
    bench_need(weft_scope_join(&s, weft_in_s(20)) == WEFT_OK, "the tasks end well");
    weft_scope_fini(&s);
    bench_need(weft_stop(&w, weft_in_s(20)) == WEFT_OK, "weft stops");
    bench_print("cost", pace_median(late, (int)rounds) / 1e3);
    return 0;
}
