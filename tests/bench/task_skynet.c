/* Skynet (github.com/atemerev/skynet): a task starts ten others, down to a million of them, each of
 * which has a number; everyone hands up the sum of what its ten found. */
#include "bench.h"
#include "weft/weft.h"

enum { CHILDREN = 10 };

static weft_place *pool;

struct part {
    int64_t number, size, sum;
};

static weft_err skynet(void *arg)
{
    struct part *p = arg, parts[CHILDREN];
    weft_scope s;
    if (p->size == 1) {
        p->sum = p->number;
        return WEFT_OK;
    }
    int64_t size = p->size / CHILDREN;
    weft_err e = WEFT_OK;
    weft_scope_init(&s, pool, "ten");
    for (int i = 0; i < CHILDREN && e == WEFT_OK; i++) {
        parts[i] = (struct part){p->number + i * size, size, 0};
        e = weft_go(&s, skynet, &parts[i]);
    }
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    weft_scope_fini(&s);
    p->sum = 0;
    for (int i = 0; i < CHILDREN && e == WEFT_OK; i++)
        p->sum += parts[i].sum;
    return e;
}

static void run(int64_t leaves)
{
    struct part whole = {0, leaves, 0};
    bench_need(skynet(&whole) == WEFT_OK, "all tasks can be started");
    bench_check("the sum of the leaves", whole.sum, leaves * (leaves - 1) / 2);
}

static int app(weft *w, int argc, char **argv)
{
    int64_t leaves = bench_arg(argc, argv, 1, 1000000);
    pool = weft_pool(w);
    run(leaves / 10);
    int64_t begin = bench_clock();
    run(leaves);
    bench_print("cost", (double)(bench_clock() - begin) / (double)leaves);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
