#include "bench.h"
#include "weft/par.h"
#include "weft/weft.h"
#include "work/skew.h"

static void zero(void *acc, void *arg)
{
    (void)arg;
    *(uint64_t *)acc = 0;
}

static void add(void *into, const void *from, void *arg)
{
    (void)arg;
    *(uint64_t *)into += *(const uint64_t *)from;
}

static weft_err steps(int64_t begin, int64_t end, void *acc, void *arg)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++)
        *(uint64_t *)acc += skew_step(i);
    return WEFT_OK;
}

static int app(weft *w, int argc, char **argv)
{
    static const weft_reducer sum = {sizeof(uint64_t), zero, add};
    int64_t n = bench_arg(argc, argv, 1, 20000);
    uint64_t result = 0;
    int64_t begin = bench_clock();
    weft_err e = weft_reduce(weft_pool(w), 0, n, 0, &sum, steps, &result, NULL);
    int64_t took = bench_clock() - begin;
    bench_need(e == WEFT_OK, "the loop succeeds");
    bench_check("the sum of the steps", (int64_t)result, (int64_t)skew_sum(n));
    bench_print("cost", (double)took / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
