/* A lock that nobody else wants, in a process with several threads: in one with a single thread the C
 * library takes the lock without an atomic operation. */
#include <pthread.h>

#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *idle(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t times = bench_arg(argc, argv, 1, 20000000), sum = 0;
    pthread_t other;
    bench_need(pthread_create(&other, NULL, idle, NULL) == 0, "a thread starts");
    int64_t begin = bench_clock();
    for (int64_t i = 0; i < times; i++) {
        pthread_mutex_lock(&lock);
        sum++;
        pthread_mutex_unlock(&lock);
    }
    int64_t took = bench_clock() - begin;
    bench_check("the count under the lock", sum, times);
    bench_print("cost", (double)took / (double)times);
}
