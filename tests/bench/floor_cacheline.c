/* How long a cache line needs from one CPU to another, one way: two threads answer each other through
 * one word. */
#include <pthread.h>

#include "bench.h"

static int64_t ball __attribute__((aligned(128))); /* each side writes what the other waits for */
static int64_t rounds;

static void play(int64_t first)
{
    bench_pin((int)first);
    for (int64_t i = first; i < 2 * rounds; i += 2) {
        while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != i)
            ;
        __atomic_store_n(&ball, i + 1, __ATOMIC_RELEASE);
    }
}

static void *partner(void *arg)
{
    (void)arg;
    play(1);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t other;
    rounds = bench_arg(argc, argv, 1, 500000);
    int64_t begin = bench_clock();
    bench_need(pthread_create(&other, NULL, partner, NULL) == 0, "a thread starts");
    play(0);
    pthread_join(other, NULL);
    int64_t took = bench_clock() - begin;
    bench_check("the number of passes", ball, 2 * rounds);
    bench_print("cost", (double)took / (double)(2 * rounds));
}
