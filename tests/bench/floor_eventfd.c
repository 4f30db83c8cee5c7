/* How long a thread that sleeps in epoll_wait needs to be woken on another CPU, by a bare eventfd: one way,
 * with a pause before each so that its CPU is idle. */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "bench.h"
#include "work/pace.h"

static int bell, waiter;
static int64_t rounds, sent, woken, late[PACE_MOST];

static void *sleeper(void *arg)
{
    uint64_t rings;
    struct epoll_event e;
    bench_pin(1);
    for (int64_t i = 0; i < rounds; i++) {
        bench_need(epoll_wait(waiter, &e, 1, 20000) == 1, "the bell is rung within 20 s");
        late[i] = bench_clock() - __atomic_load_n(&sent, __ATOMIC_RELAXED);
        bench_need(read(bell, &rings, sizeof rings) == sizeof rings, "the bell can be read");
        bench_check("how often it was rung", (int64_t)rings, 1);
        __atomic_store_n(&woken, i + 1, __ATOMIC_RELEASE);
    }
    return arg;
}

static void ring(int64_t i)
{
    uint64_t once = 1;
    pace_pause();
    __atomic_store_n(&sent, bench_clock(), __ATOMIC_RELAXED);
    bench_need(write(bell, &once, sizeof once) == sizeof once, "the bell is rung");
    while (__atomic_load_n(&woken, __ATOMIC_ACQUIRE) != i + 1)
        ;
}

int main(int argc, char **argv)
{
    pthread_t other;
    struct epoll_event e = {.events = EPOLLIN};
    rounds = bench_arg(argc, argv, 1, 2000);
    bench_need(rounds <= PACE_MOST, "there is room for every round");
    bell = eventfd(0, EFD_CLOEXEC);
    waiter = epoll_create1(EPOLL_CLOEXEC);
    bench_need(bell >= 0 && epoll_ctl(waiter, EPOLL_CTL_ADD, bell, &e) == 0, "a bell is made");
    bench_pin(0);
    bench_need(pthread_create(&other, NULL, sleeper, NULL) == 0, "a thread starts");
    for (int64_t i = 0; i < rounds; i++)
        ring(i);
    pthread_join(other, NULL);
    bench_print("cost", pace_median(late, (int)rounds) / 1e3);
    return 0;
}
