/* Between two threads that are no tasks, each with a CPU for itself. */
#include <pthread.h>

#include "bench.h"
#include "weft/weft.h"

enum { CAPACITY = 1024 };

static weft_queue *queue;
static int64_t items, sum;

static void *produce(void *arg)
{
    bench_pin(0);
    for (int64_t i = 0; i < items; i++)
        bench_need(weft_put(queue, &i, sizeof i, WEFT_FOREVER) == WEFT_OK, "an item can be put");
    return arg;
}

static void *consume(void *arg)
{
    int64_t item;
    size_t len;
    bench_pin(1);
    for (int64_t i = 0; i < items; i++) {
        weft_err e = weft_get(queue, &item, sizeof item, &len, WEFT_FOREVER);
        bench_need(e == WEFT_OK && len == sizeof item, "an item comes");
        sum += item;
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t producer, consumer;
    items = bench_arg(argc, argv, 1, 5000000);
    bench_need(weft_queue_init(&queue, "items", sizeof(int64_t), CAPACITY) == WEFT_OK,
               "a queue is made");
    int64_t begin = bench_clock();
    bench_need(pthread_create(&producer, NULL, produce, NULL) == 0, "a thread starts");
    bench_need(pthread_create(&consumer, NULL, consume, NULL) == 0, "a thread starts");
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    int64_t took = bench_clock() - begin;
    weft_queue_close(&queue);
    bench_check("the sum of the items", sum, items * (items - 1) / 2);
    bench_print("cost", (double)took / (double)items);
    return 0;
}
