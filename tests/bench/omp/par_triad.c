#include "bench.h"
#include "work/triad.h"

enum { SWEEPS = 12, BLOCK = 1 << 14 };

/* The arrays are cut into blocks, for which all programs call the same compiled loop: what differs
 * between them is who does which block. */
static void each(const triad *t, int64_t block,
                 void (*fn)(const triad *t, int64_t begin, int64_t end))
{
    int64_t end = (block + 1) * BLOCK;
    fn(t, block * BLOCK, end < t->n ? end : t->n);
}

static void fill(const triad *t)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < (t->n + BLOCK - 1) / BLOCK; i++)
        each(t, i, triad_fill);
}

static void sweep_static(const triad *t)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < (t->n + BLOCK - 1) / BLOCK; i++)
        each(t, i, triad_sweep);
}

static void sweep_dynamic(const triad *t)
{
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < (t->n + BLOCK - 1) / BLOCK; i++)
        each(t, i, triad_sweep);
}

static void measure(const triad *t, const char *metric, void (*sweep)(const triad *t))
{
    double took[SWEEPS];
    for (int i = 0; i < SWEEPS; i++) {
        int64_t begin = bench_clock();
        sweep(t);
        took[i] = (double)(bench_clock() - begin);
    }
    bench_print(metric, bench_median(took, SWEEPS) / 1e6);
}

int main(int argc, char **argv)
{
    triad t = triad_make(bench_arg(argc, argv, 1, 16 << 20));
    fill(&t);
    measure(&t, "static", sweep_static);
    measure(&t, "dynamic", sweep_dynamic);
    triad_check(&t);
}
