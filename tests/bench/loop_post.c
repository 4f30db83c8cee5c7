/* What a thread outside pays to start a task on the loop while the loop is busy, here with a task that
 * only yields: "cost" for each of a batch. "through" is the time until all of the batch have run, for each. */
#include "bench.h"
#include "weft/weft.h"

enum { BATCH = 1000 };

static int64_t ran, turns; /* written by the loop's tasks, read by the thread outside */
static bool ends;          /* written by that one */

static weft_err posted(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELEASE);
    return WEFT_OK;
}

static weft_err keep_busy(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&ends, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
        weft_yield();
    }
    return WEFT_OK;
}

static void await(const int64_t *count, int64_t least)
{
    int64_t by = bench_clock() + 20000000000;
    while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < least)
        bench_need(bench_clock() < by, "the loop runs what is posted, within 20 s");
}

/* Post `batches`, one when the one before has run. */
static void post(weft_scope *s, int64_t batches, double *cost, double *through)
{
    int64_t posting = 0, begin = bench_clock(), before = ran;
    for (int64_t b = 1; b <= batches; b++) {
        int64_t start = bench_clock();
        for (int i = 0; i < BATCH; i++)
            bench_need(weft_go(s, posted, NULL) == WEFT_OK, "a task is posted");
        posting += bench_clock() - start;
        await(&ran, before + b * BATCH);
    }
    *cost = (double)posting / (double)(batches * BATCH);
    *through = (double)(bench_clock() - begin) / (double)(batches * BATCH);
}

int main(int argc, char **argv)
{
    weft *w;
    weft_scope s;
    double cost, through;
    int64_t batches = bench_arg(argc, argv, 1, 1000);
    bench_pin(1); /* what weft starts is bound to this CPU too */
    bench_need(weft_start(&w, NULL) == WEFT_OK, "weft starts");
    bench_pin(0);
    weft_scope_init(&s, weft_loop(w), "posted");
    bench_need(weft_go(&s, keep_busy, NULL) == WEFT_OK, "the loop is kept busy");
    await(&turns, 1000);
    post(&s, batches / 10, &cost, &through);
    post(&s, batches, &cost, &through);
    __atomic_store_n(&ends, true, __ATOMIC_RELAXED);
    bench_need(weft_scope_join(&s, weft_in_s(20)) == WEFT_OK, "the tasks end well");
    weft_scope_fini(&s);
    bench_check("the number of tasks that ran", ran, (batches / 10 + batches) * BATCH);
    bench_need(weft_stop(&w, weft_in_s(20)) == WEFT_OK, "weft stops");
    bench_print("cost", cost);
    bench_print("through", through);
    return 0;
}
