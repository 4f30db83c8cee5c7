#include "bench.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/matmul.h"

static matmul m;

/* The blocks of c from one corner to another, cut in two along the longer side. */
struct area {
    int row, column, rows, columns;
};

static weft_err multiply(void *arg)
{
    const struct area *a = arg;
    struct area first = *a, second = *a;
    weft_child child;
    if (a->rows == 1 && a->columns == 1) {
        matmul_block(&m, a->row * MATMUL_BLOCK, a->column * MATMUL_BLOCK);
        return WEFT_OK;
    }
    if (a->rows >= a->columns) {
        first.rows = a->rows / 2;
        second.row += first.rows, second.rows -= first.rows;
    } else {
        first.columns = a->columns / 2;
        second.column += first.columns, second.columns -= first.columns;
    }
    weft_fork(&child, multiply, &first);
    weft_err e = multiply(&second), joined = weft_join(&child, multiply);
    return e != WEFT_OK ? e : joined;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    m = matmul_make((int)bench_arg(argc, argv, 1, 2048));
    int blocks = m.n / MATMUL_BLOCK;
    int64_t begin = bench_clock();
    bench_need(multiply(&(struct area){0, 0, blocks, blocks}) == WEFT_OK, "the product succeeds");
    int64_t took = bench_clock() - begin;
    matmul_check(&m);
    bench_print("cost", (double)took / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
