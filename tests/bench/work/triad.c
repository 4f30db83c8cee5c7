#include "work/triad.h"

#include "bench.h"

static double *array(int64_t n)
{
    double *a = (double *)aligned_alloc(64, (size_t)n * sizeof *a);
    bench_need(a != NULL, "there is memory for an array");
    return a;
}

triad triad_make(int64_t n)
{
    return (triad){n, array(n), array(n), array(n)};
}

void triad_fill(const triad *t, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++)
        t->a[i] = 0, t->b[i] = (double)(i % 7), t->c[i] = (double)(i % 5);
}

void triad_sweep(const triad *t, int64_t begin, int64_t end)
{
    double *restrict a = t->a;
    const double *restrict b = t->b, *restrict c = t->c;
    for (int64_t i = begin; i < end; i++)
        a[i] = b[i] + 3 * c[i];
}

void triad_check(const triad *t)
{
    for (int64_t i = 0; i < t->n; i++)
        if (t->a[i] != (double)(i % 7) + 3 * (double)(i % 5))
            bench_fail("an element of the triad is wrong");
}
