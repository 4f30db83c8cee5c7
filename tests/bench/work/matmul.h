/* work/matmul.h: c = a * b, square matrices of floats, a block of c at a time. */
#ifndef BENCH_MATMUL_H
#define BENCH_MATMUL_H

#ifdef __cplusplus
extern "C" {
#endif

enum { MATMUL_BLOCK = 128 }; /* sizes are multiples of it */

typedef struct matmul {
    int n;
    float *a, *b, *c;
} matmul;

/* Matrices whose product is known. */
matmul matmul_make(int n);
/* Set the block of c at (row, column) to its product. */
void matmul_block(const matmul *m, int row, int column);
/* The product has to be right: else the program ends as wrong. */
void matmul_check(const matmul *m);

#ifdef __cplusplus
}
#endif
#endif
