#include "bench.h"
#include "serial/copies.h"
#include "work/nqueens.h"

static int64_t found;

static void count(void *n)
{
    nqueens_board empty = {.n = *(int *)n};
    found = nqueens_count(&empty);
}

static void check(void *n)
{
    bench_check("the number of solutions", found, nqueens_known(*(int *)n));
}

int main(int argc, char **argv)
{
    int n = (int)bench_arg(argc, argv, 1, 13);
    bench_copies(&(bench_phases){NULL, count, check}, &n, "cost", 1e6);
    return 0;
}
