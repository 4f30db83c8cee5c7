#include "bench.h"
#include "work/matmul.h"

int main(int argc, char **argv)
{
    matmul m = matmul_make((int)bench_arg(argc, argv, 1, 2048));
    int64_t begin = bench_clock();
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int row = 0; row < m.n; row += MATMUL_BLOCK)
        for (int column = 0; column < m.n; column += MATMUL_BLOCK)
            matmul_block(&m, row, column);
    int64_t took = bench_clock() - begin;
    matmul_check(&m);
    bench_print("cost", (double)took / 1e6);
}
