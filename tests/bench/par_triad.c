#include "bench.h"
#include "weft/par.h"
#include "weft/weft.h"
#include "work/triad.h"

enum { SWEEPS = 24 };

static weft_err fill(int64_t begin, int64_t end, void *t)
{
    triad_fill(t, begin, end);
    return WEFT_OK;
}

static weft_err sweep(int64_t begin, int64_t end, void *t)
{
    triad_sweep(t, begin, end);
    return WEFT_OK;
}

static int app(weft *w, int argc, char **argv)
{
    double took[SWEEPS];
    triad t = triad_make(bench_arg(argc, argv, 1, 16 << 20));
    bench_need(weft_for(weft_pool(w), 0, t.n, 0, fill, &t) == WEFT_OK, "the first loop succeeds");
    for (int i = 0; i < SWEEPS; i++) {
        int64_t begin = bench_clock();
        bench_need(weft_for(weft_pool(w), 0, t.n, 0, sweep, &t) == WEFT_OK, "a loop succeeds");
        took[i] = (double)(bench_clock() - begin);
    }
    triad_check(&t);
    bench_print("cost", bench_median(took, SWEEPS) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
