#include <oneapi/tbb/blocked_range2d.h>
#include <oneapi/tbb/parallel_for.h>

#include "bench.h"
#include "work/matmul.h"

int main(int argc, char **argv)
{
    matmul m = matmul_make((int)bench_arg(argc, argv, 1, 2048));
    int blocks = m.n / MATMUL_BLOCK;
    int64_t begin = bench_clock();
    tbb::parallel_for(tbb::blocked_range2d<int>(0, blocks, 0, blocks), [&](const auto &r) {
        for (int row = r.rows().begin(); row < r.rows().end(); row++)
            for (int column = r.cols().begin(); column < r.cols().end(); column++)
                matmul_block(&m, row * MATMUL_BLOCK, column * MATMUL_BLOCK);
    });
    int64_t took = bench_clock() - begin;
    matmul_check(&m);
    bench_print("cost", (double)took / 1e6);
}
