#include "bench.h"
#include "weft/weft.h"

enum { CAPACITY = 1024 };

static int64_t items, sum;

static weft_err produce(void *q)
{
    weft_err e = WEFT_OK;
    for (int64_t i = 0; i < items && e == WEFT_OK; i++)
        e = weft_put(q, &i, sizeof i, WEFT_FOREVER);
    return e;
}

static weft_err consume(void *q)
{
    int64_t item;
    size_t len;
    weft_err e = WEFT_OK;
    for (int64_t i = 0; i < items && e == WEFT_OK; i++) {
        e = weft_get(q, &item, sizeof item, &len, WEFT_FOREVER);
        sum += item;
    }
    return e;
}

static int app(weft *w, int argc, char **argv)
{
    weft_scope s;
    weft_queue *q;
    items = bench_arg(argc, argv, 1, 5000000);
    bench_need(weft_queue_init(&q, "items", sizeof(int64_t), CAPACITY) == WEFT_OK,
               "a queue is made");
    weft_scope_init(&s, weft_pool(w), "a producer and a consumer");
    int64_t begin = bench_clock();
    bench_need(weft_go(&s, produce, q) == WEFT_OK, "a task starts");
    bench_need(weft_go(&s, consume, q) == WEFT_OK, "a task starts");
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the tasks end well");
    int64_t took = bench_clock() - begin;
    weft_scope_fini(&s);
    weft_queue_close(&q);
    bench_check("the sum of the items", sum, items * (items - 1) / 2);
    bench_print("cost", (double)took / (double)items);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
