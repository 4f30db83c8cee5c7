/* The plain recursive call. Compiled with -fno-inline -fno-optimize-sibling-calls, since a compiler
 * that may do so makes one of the two calls of a node into a loop. */
#include "bench.h"
#include "serial/copies.h"
#include "work/fib.h"

static int64_t n, found;

static int64_t fib(int64_t k)
{
    return k < 2 ? k : fib(k - 1) + fib(k - 2);
}

static void compute(void *arg)
{
    (void)arg;
    found = fib(n);
}

static void check(void *arg)
{
    (void)arg;
    bench_check("fib", found, fib_known(n));
}

int main(int argc, char **argv)
{
    n = bench_arg(argc, argv, 1, 40);
    bench_copies(&(bench_phases){NULL, compute, check}, NULL, "cost", fib_forks(n));
    return 0;
}
