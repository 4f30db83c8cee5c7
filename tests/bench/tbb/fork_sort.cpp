#include <oneapi/tbb/parallel_invoke.h>

#include "bench.h"
#include "work/sort.h"

static void merge(const sort_runs &runs)
{
    if (runs.na + runs.nb <= SORT_LEAF) {
        sort_merge(runs.a, runs.na, runs.b, runs.nb, runs.out);
        return;
    }
    sort_runs second, first = sort_cut(&runs, &second);
    tbb::parallel_invoke([&] { merge(first); }, [&] { merge(second); });
}

static void sort(int *a, int *spare, size_t n, bool to_spare)
{
    size_t half = n / 2;
    if (n <= SORT_LEAF) {
        sort_serial(a, spare, n, to_spare);
        return;
    }
    tbb::parallel_invoke([=] { sort(a, spare, half, !to_spare); },
                         [=] { sort(a + half, spare + half, n - half, !to_spare); });
    int *from = to_spare ? a : spare, *out = to_spare ? spare : a;
    merge({from, from + half, half, n - half, out});
}

int main(int argc, char **argv)
{
    size_t n = (size_t)bench_arg(argc, argv, 1, 10000000);
    int *a = sort_make(n), *spare = sort_make(n);
    int64_t begin = bench_clock();
    sort(a, spare, n, false);
    int64_t took = bench_clock() - begin;
    sort_check(a, n);
    bench_print("cost", (double)took / 1e6);
}
