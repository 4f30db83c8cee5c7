#include "bench.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/nqueens.h"

static intptr_t count(intptr_t arg)
{
    const nqueens_board *board = (const nqueens_board *)arg;
    nqueens_board next[NQUEENS_MOST];
    weft_child children[NQUEENS_MOST];
    intptr_t sum = 0;
    int n = 0;
    if (board->row >= NQUEENS_SPLIT)
        return nqueens_count(board);
    for (int column = 0; column < board->n; column++)
        if (nqueens_safe(board, column)) {
            next[n] = nqueens_place(board, column);
            weft_fork_value(&children[n], count, (intptr_t)&next[n]);
            n++;
        }
    while (n > 0)
        sum += weft_join_value(&children[--n], count);
    return sum;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    nqueens_board empty = {.n = 6};
    count((intptr_t)&empty);
    empty.n = (int)bench_arg(argc, argv, 1, 13);
    int64_t begin = bench_clock();
    int64_t found = count((intptr_t)&empty);
    int64_t took = bench_clock() - begin;
    bench_check("the number of solutions", found, nqueens_known(empty.n));
    bench_print("cost", (double)took / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
