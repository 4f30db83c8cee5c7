#include "bench.h"
#include "work/skew.h"

static void check(int64_t n, uint64_t sum)
{
    bench_check("the sum of the steps", (int64_t)sum, (int64_t)skew_sum(n));
}

int main(int argc, char **argv)
{
    int64_t n = bench_arg(argc, argv, 1, 20000);
    uint64_t sum = 0, again = 0;
    int64_t begin = bench_clock();
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += skew_step(i);
    int64_t between = bench_clock();
#pragma omp parallel for schedule(dynamic) reduction(+ : again)
    for (int64_t i = 0; i < n; i++)
        again += skew_step(i);
    int64_t end = bench_clock();
    check(n, sum);
    check(n, again);
    bench_print("static", (double)(between - begin) / 1e6);
    bench_print("dynamic", (double)(end - between) / 1e6);
}
