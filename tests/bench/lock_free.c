#include <pthread.h>

#include "bench.h"
#include "weft/weft.h"

static weft_lock lock = WEFT_LOCK_INIT("nobody else's");
static int64_t times, sum;

static double turns(void)
{
    sum = 0;
    int64_t begin = bench_clock();
    for (int64_t i = 0; i < times; i++) {
        bench_need(weft_lock_acquire(&lock, WEFT_FOREVER) == WEFT_OK, "the lock is free");
        sum++;
        weft_lock_release(&lock);
    }
    int64_t took = bench_clock() - begin;
    bench_check("the count under the lock", sum, times);
    return (double)took / (double)times;
}

static void *thread(void *cost)
{
    *(double *)cost = turns();
    return NULL;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    times = bench_arg(argc, argv, 1, 20000000);
    bench_print("task", turns());
    return 0;
}

int main(int argc, char **argv)
{
    double cost;
    pthread_t other;
    int code = weft_main(argc, argv, NULL, app);
    if (code != 0)
        return code;
    bench_need(pthread_create(&other, NULL, thread, &cost) == 0, "a thread starts");
    pthread_join(other, NULL);
    bench_print("thread", cost);
    return 0;
}
