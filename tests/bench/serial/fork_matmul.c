#include "bench.h"
#include "serial/copies.h"
#include "work/matmul.h"

static matmul m;

static void prepare(void *n)
{
    m = matmul_make(*(int *)n);
}

static void multiply(void *n)
{
    (void)n;
    for (int row = 0; row < m.n; row += MATMUL_BLOCK)
        for (int column = 0; column < m.n; column += MATMUL_BLOCK)
            matmul_block(&m, row, column);
}

static void check(void *n)
{
    (void)n;
    matmul_check(&m);
}

int main(int argc, char **argv)
{
    int n = (int)bench_arg(argc, argv, 1, 2048);
    bench_copies(&(bench_phases){prepare, multiply, check}, &n, "cost", 1e6);
    return 0;
}
