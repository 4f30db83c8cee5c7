#include "bench.h"
#include "work/nqueens.h"

static int64_t count(const nqueens_board *board)
{
    int64_t found[NQUEENS_MOST] = {0}, sum = 0;
    if (board->row >= NQUEENS_SPLIT)
        return nqueens_count(board);
    for (int column = 0; column < board->n; column++)
        if (nqueens_safe(board, column)) {
#pragma omp task shared(found) firstprivate(board, column)
            {
                nqueens_board next = nqueens_place(board, column);
                found[column] = count(&next);
            }
        }
#pragma omp taskwait
    for (int column = 0; column < board->n; column++)
        sum += found[column];
    return sum;
}

static int64_t team(int n)
{
    nqueens_board empty = {.n = n};
    int64_t found;
#pragma omp parallel
#pragma omp single
    found = count(&empty);
    return found;
}

int main(int argc, char **argv)
{
    int n = (int)bench_arg(argc, argv, 1, 13);
    team(6);
    int64_t begin = bench_clock();
    int64_t found = team(n);
    int64_t took = bench_clock() - begin;
    bench_check("the number of solutions", found, nqueens_known(n));
    bench_print("cost", (double)took / 1e6);
}
