#include <oneapi/tbb/task_group.h>

#include "bench.h"
#include "work/nqueens.h"

static int64_t count(const nqueens_board &board)
{
    if (board.row >= NQUEENS_SPLIT)
        return nqueens_count(&board);
    int64_t found[NQUEENS_MOST] = {0}, sum = 0;
    tbb::task_group group;
    for (int column = 0; column < board.n; column++)
        if (nqueens_safe(&board, column))
            group.run(
                [&board, &found, column] { found[column] = count(nqueens_place(&board, column)); });
    group.wait();
    for (int64_t some : found)
        sum += some;
    return sum;
}

int main(int argc, char **argv)
{
    nqueens_board empty = {};
    empty.n = 6;
    count(empty);
    empty.n = (int)bench_arg(argc, argv, 1, 13);
    int64_t begin = bench_clock();
    int64_t found = count(empty);
    int64_t took = bench_clock() - begin;
    bench_check("the number of solutions", found, nqueens_known(empty.n));
    bench_print("cost", (double)took / 1e6);
}
