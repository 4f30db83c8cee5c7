#include "bench.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/sort.h"

static weft_err merge(void *arg)
{
    const sort_runs *runs = arg;
    sort_runs first, second;
    weft_child child;
    if (runs->na + runs->nb <= SORT_LEAF) {
        sort_merge(runs->a, runs->na, runs->b, runs->nb, runs->out);
        return WEFT_OK;
    }
    first = sort_cut(runs, &second);
    weft_fork(&child, merge, &first);
    weft_err e = merge(&second), joined = weft_join(&child, merge);
    return e != WEFT_OK ? e : joined;
}

struct part {
    int *a, *spare;
    size_t n;
    bool to_spare;
};

static weft_err sort(void *arg)
{
    const struct part *p = arg;
    size_t half = p->n / 2;
    struct part left = {p->a, p->spare, half, !p->to_spare};
    struct part right = {p->a + half, p->spare + half, p->n - half, !p->to_spare};
    int *from = p->to_spare ? p->a : p->spare, *out = p->to_spare ? p->spare : p->a;
    weft_child child;
    if (p->n <= SORT_LEAF) {
        sort_serial(p->a, p->spare, p->n, p->to_spare);
        return WEFT_OK;
    }
    weft_fork(&child, sort, &left);
    weft_err e = sort(&right), joined = weft_join(&child, sort);
    if (e == WEFT_OK && joined == WEFT_OK)
        e = merge(&(sort_runs){from, from + half, half, p->n - half, out});
    return e != WEFT_OK ? e : joined;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    size_t n = (size_t)bench_arg(argc, argv, 1, 10000000);
    struct part whole = {sort_make(n), sort_make(n), n, false};
    int64_t begin = bench_clock();
    bench_need(sort(&whole) == WEFT_OK, "the sort succeeds");
    int64_t took = bench_clock() - begin;
    sort_check(whole.a, n);
    bench_print("cost", (double)took / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
