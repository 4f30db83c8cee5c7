#include "work/sort.h"

#include <string.h>

#include "bench.h"

enum { INSERT = 24 };

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

int *sort_make(size_t n)
{
    uint64_t seed = 1;
    int *a = (int *)malloc(n * sizeof *a);
    bench_need(a != NULL, "there is memory for the numbers");
    for (size_t i = 0; i < n; i++)
        a[i] = (int)next(&seed);
    return a;
}

static void insert(int *a, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int x = a[i];
        size_t j = i;
        for (; j > 0 && a[j - 1] > x; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

void sort_merge(const int *a, size_t na, const int *b, size_t nb, int *out)
{
    const int *enda = a + na, *endb = b + nb;
    while (a < enda && b < endb)
        *out++ = *b < *a ? *b++ : *a++;
    memcpy(out, a, (size_t)(enda - a) * sizeof *a);
    memcpy(out + (enda - a), b, (size_t)(endb - b) * sizeof *b);
}

void sort_serial(int *a, int *spare, size_t n, bool to_spare)
{
    size_t half = n / 2;
    if (n <= INSERT) {
        insert(a, n);
        if (to_spare)
            memcpy(spare, a, n * sizeof *a);
        return;
    }
    sort_serial(a, spare, half, !to_spare);
    sort_serial(a + half, spare + half, n - half, !to_spare);
    if (to_spare)
        sort_merge(a, half, a + half, n - half, spare);
    else
        sort_merge(spare, half, spare + half, n - half, a);
}

size_t sort_below(const int *a, size_t n, int x)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (a[low + half] < x)
            low += half + 1, n -= half + 1;
        else
            n = half;
    }
    return low;
}

sort_runs sort_cut(const sort_runs *whole, sort_runs *rest)
{
    const sort_runs w = whole->na >= whole->nb
                            ? *whole
                            : (sort_runs){whole->b, whole->a, whole->nb, whole->na, whole->out};
    size_t na = w.na / 2, nb = sort_below(w.b, w.nb, w.a[na]);
    *rest = (sort_runs){w.a + na, w.b + nb, w.na - na, w.nb - nb, w.out + na + nb};
    return (sort_runs){w.a, w.b, na, nb, w.out};
}

void sort_check(const int *a, size_t n)
{
    uint64_t seed = 1, want = 0, got = 0;
    for (size_t i = 0; i < n; i++) {
        want += next(&seed);
        got += (uint32_t)a[i];
        if (i > 0 && a[i - 1] > a[i])
            bench_fail("the numbers are not sorted");
    }
    bench_check("the sum of the sorted numbers", (int64_t)got, (int64_t)want);
}
