#include "bench.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/fib.h"

/* The value form: one number in, one out. */
static intptr_t fib(intptr_t n)
{
    weft_child left;
    if (n < 2)
        return n;
    weft_fork_value(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return weft_join_value(&left, fib) + right;
}

/* The generic form: anything in and out by a pointer, and an error. Here n, then fib(n). */
static weft_err fib_generic(void *arg)
{
    int64_t *n = arg;
    if (*n < 2)
        return WEFT_OK;
    weft_child child;
    int64_t left = *n - 1, right = *n - 2;
    weft_fork(&child, fib_generic, &left);
    weft_err e = fib_generic(&right), joined = weft_join(&child, fib_generic);
    *n = left + right;
    return e != WEFT_OK ? e : joined;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    intptr_t n = bench_arg(argc, argv, 1, 40);
    int64_t in_out = n;
    fib(n / 2);
    int64_t begin = bench_clock();
    bench_check("fib by values", fib(n), fib_known(n));
    int64_t between = bench_clock();
    bench_need(fib_generic(&in_out) == WEFT_OK, "the generic form succeeds");
    int64_t end = bench_clock();
    bench_check("fib by pointers", in_out, fib_known(n));
    bench_print("value", (double)(between - begin) / fib_forks(n));
    bench_print("generic", (double)(end - between) / fib_forks(n));
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
