#include <oneapi/tbb/task_group.h>

#include "bench.h"
#include "work/fib.h"

static int64_t fib(int64_t n)
{
    if (n < 2)
        return n;
    int64_t left, right;
    tbb::task_group group;
    group.run([&] { left = fib(n - 1); });
    right = fib(n - 2);
    group.wait();
    return left + right;
}

int main(int argc, char **argv)
{
    int64_t n = bench_arg(argc, argv, 1, 30);
    fib(n / 2);
    int64_t begin = bench_clock();
    int64_t found = fib(n);
    int64_t took = bench_clock() - begin;
    bench_check("fib", found, fib_known(n));
    bench_print("cost", (double)took / fib_forks(n));
}
