#include "bench.h"
#include "work/fib.h"

static int64_t fib(int64_t n)
{
    int64_t left, right;
    if (n < 2)
        return n;
#pragma omp task shared(left)
    left = fib(n - 1);
    right = fib(n - 2);
#pragma omp taskwait
    return left + right;
}

static int64_t team(int64_t n)
{
    int64_t found;
#pragma omp parallel
#pragma omp single
    found = fib(n);
    return found;
}

int main(int argc, char **argv)
{
    int64_t n = bench_arg(argc, argv, 1, 27);
    team(n / 2);
    int64_t begin = bench_clock();
    int64_t found = team(n);
    int64_t took = bench_clock() - begin;
    bench_check("fib", found, fib_known(n));
    bench_print("cost", (double)took / fib_forks(n));
}
