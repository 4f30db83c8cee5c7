/* work/nqueens.h: the ways to put n queens on a board so that none attacks another. */
#ifndef BENCH_NQUEENS_H
#define BENCH_NQUEENS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NQUEENS_MOST = 16,
    NQUEENS_SPLIT = 5 /* rows whose placements are divided among workers; below them it is serial */
};

/* The column of the queen in each of the first `row` rows. */
typedef struct nqueens_board {
    int n, row;
    int8_t column[NQUEENS_MOST];
} nqueens_board;

/* Whether the next row's queen may stand in `column`. */
bool nqueens_safe(const nqueens_board *b, int column);
/* `b` with a queen in `column` of the next row. */
nqueens_board nqueens_place(const nqueens_board *b, int column);
/* The solutions that begin with `b`. */
int64_t nqueens_count(const nqueens_board *b);
/* How many solutions there are on an empty board. */
int64_t nqueens_known(int n);

#ifdef __cplusplus
}
#endif
#endif
