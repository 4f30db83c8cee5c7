#include "bench.h"
#include "weft/weft.h"

enum { BATCH = 1000 };

static uint32_t ran[BATCH]; /* how often each task of a batch ran; written by that task */

static weft_err empty(void *arg)
{
    ++*(uint32_t *)arg;
    return WEFT_OK;
}

static void spawn(weft_scope *s, uint32_t *slot)
{
    bench_need(weft_go(s, empty, slot) == WEFT_OK, "a task starts");
}

static void join(weft_scope *s)
{
    bench_need(weft_scope_join(s, WEFT_FOREVER) == WEFT_OK, "the tasks end well");
}

static void batches(weft_scope *s, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        for (int i = 0; i < BATCH; i++)
            spawn(s, &ran[i]);
        join(s);
    }
}

static void singles(weft_scope *s, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        for (int i = 0; i < BATCH; i++) {
            spawn(s, &ran[i]);
            join(s);
        }
}

static int app(weft *w, int argc, char **argv)
{
    int64_t count = bench_arg(argc, argv, 1, 3000), tasks = count * BATCH;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "empty tasks");
    batches(&s, count / 10);
    int64_t begin = bench_clock();
    batches(&s, count);
    int64_t between = bench_clock();
    singles(&s, count);
    int64_t end = bench_clock();
    weft_scope_fini(&s);
    for (int i = 0; i < BATCH; i++)
        bench_check("how often a task ran", ran[i], count / 10 + 2 * count);
    bench_print("batch", (double)(between - begin) / (double)tasks);
    bench_print("one", (double)(end - between) / (double)tasks);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
