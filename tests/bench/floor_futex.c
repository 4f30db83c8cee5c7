/* How long a sleeping thread needs to be woken on another CPU, by a bare futex: "wake" one way, with a
 * pause before each so that its CPU is idle; "round" half of a wake and its answer, both asleep. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "bench.h"
#include "work/pace.h"

static uint32_t ping, pong; /* each written by one side, which then wakes the other */
static int64_t rounds, sent, late[PACE_MOST];

static void post(uint32_t *word)
{
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await(uint32_t *word, uint32_t seen)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void *sleeper(void *arg)
{
    (void)arg;
    bench_pin(1);
    for (uint32_t i = 0; i < rounds; i++) {
        await(&ping, i);
        late[i] = bench_clock() - __atomic_load_n(&sent, __ATOMIC_RELAXED);
        __atomic_store_n(&pong, i + 1, __ATOMIC_RELEASE);
    }
    for (uint32_t i = 0; i < rounds; i++) {
        await(&ping, (uint32_t)rounds + i);
        post(&pong);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t other;
    rounds = bench_arg(argc, argv, 1, 2000);
    bench_need(rounds <= PACE_MOST, "there is room for every round");
    bench_pin(0);
    bench_need(pthread_create(&other, NULL, sleeper, NULL) == 0, "a thread starts");
    for (uint32_t i = 0; i < rounds; i++) {
        pace_pause();
        __atomic_store_n(&sent, bench_clock(), __ATOMIC_RELAXED);
        post(&ping);
        while (__atomic_load_n(&pong, __ATOMIC_ACQUIRE) != i + 1)
            ;
    }
    int64_t begin = bench_clock();
    for (uint32_t i = 0; i < rounds; i++) {
        post(&ping);
        await(&pong, (uint32_t)rounds + i);
    }
    int64_t took = bench_clock() - begin;
    pthread_join(other, NULL);
    bench_check("the number of answers", pong, 2 * rounds);
    bench_print("wake", pace_median(late, (int)rounds) / 1e3);
    bench_print("round", (double)took / (double)(2 * rounds) / 1e3);
}
