#include "bench.h"
#include "weft/par.h"
#include "weft/weft.h"

enum { LENGTH = 1000 };

static weft_err nothing(int64_t begin, int64_t end, void *arg)
{
    for (int64_t i = begin; i < end; i++)
        bench_keep(arg);
    return WEFT_OK;
}

static weft_err count(int64_t begin, int64_t end, void *sum)
{
    for (int64_t i = begin; i < end; i++)
        __atomic_fetch_add((int64_t *)sum, i, __ATOMIC_RELAXED);
    return WEFT_OK;
}

static void loop(weft_place *pool, weft_body body, void *arg)
{
    bench_need(weft_for(pool, 0, LENGTH, 0, body, arg) == WEFT_OK, "the loop succeeds");
}

static int app(weft *w, int argc, char **argv)
{
    int64_t loops = bench_arg(argc, argv, 1, 20000), sum = 0, begin = 0;
    for (int64_t k = -loops / 10; k < loops; k++) {
        if (k == 0)
            begin = bench_clock();
        loop(weft_pool(w), nothing, NULL);
    }
    int64_t took = bench_clock() - begin;
    loop(weft_pool(w), count, &sum);
    bench_check("the sum of a loop", sum, LENGTH * (LENGTH - 1) / 2);
    bench_print("cost", (double)took / (double)loops);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
