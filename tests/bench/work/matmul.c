#include "work/matmul.h"

#include <string.h>

#include "bench.h"

enum { ROWS = 4, COLUMNS = 8 }; /* of a tile */

typedef float vector __attribute__((vector_size(16)));

static float *matrix(int n)
{
    float *m = (float *)aligned_alloc(64, (size_t)n * (size_t)n * sizeof *m);
    bench_need(m != NULL, "there is memory for a matrix");
    return m;
}

/* The numbers are small whole ones: each sum is exact in whatever order it is made. */
static float left(int row, int k)
{
    return (float)((row + k) % 3);
}

static float right(int k, int column)
{
    return (float)((k + 2 * column) % 3 - 1);
}

matmul matmul_make(int n)
{
    matmul m = {n, matrix(n), matrix(n), matrix(n)};
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            m.a[(size_t)i * (size_t)n + (size_t)j] = left(i, j);
            m.b[(size_t)i * (size_t)n + (size_t)j] = right(i, j);
            m.c[(size_t)i * (size_t)n + (size_t)j] = 0;
        }
    return m;
}

/* Add to ROWS x 2 vectors of c the products of MATMUL_BLOCK columns of a; the sums stay in registers. */
static void tile(const matmul *m, int row, int column, int from)
{
    size_t n = (size_t)m->n;
    const float *a = m->a + (size_t)row * n + (size_t)from;
    const float *b = m->b + (size_t)from * n + (size_t)column;
    float *c = m->c + (size_t)row * n + (size_t)column;
    vector sum[ROWS][2];
    for (int i = 0; i < ROWS; i++)
        memcpy(sum[i], c + (size_t)i * n, sizeof sum[i]);
    for (size_t k = 0; k < MATMUL_BLOCK; k++) {
        vector line[2];
        memcpy(line, b + k * n, sizeof line);
        for (size_t i = 0; i < ROWS; i++) {
            float x = a[i * n + k];
            sum[i][0] += x * line[0];
            sum[i][1] += x * line[1];
        }
    }
    for (int i = 0; i < ROWS; i++)
        memcpy(c + (size_t)i * n, sum[i], sizeof sum[i]);
}

void matmul_block(const matmul *m, int row, int column)
{
    for (int i = 0; i < MATMUL_BLOCK; i++)
        memset(m->c + (size_t)(row + i) * (size_t)m->n + column, 0, MATMUL_BLOCK * sizeof *m->c);
    for (int k = 0; k < m->n; k += MATMUL_BLOCK)
        for (int j = 0; j < MATMUL_BLOCK; j += COLUMNS)
            for (int i = 0; i < MATMUL_BLOCK; i += ROWS)
                tile(m, row + i, column + j, k);
}

void matmul_check(const matmul *m)
{
    for (int i = 0; i < m->n; i += 61)
        for (int j = 0; j < m->n; j += 67) {
            float want = 0;
            for (int k = 0; k < m->n; k++)
                want += left(i, k) * right(k, j);
            bench_check("an element of the product",
                        (int64_t)m->c[(size_t)i * (size_t)m->n + (size_t)j], (int64_t)want);
        }
}
