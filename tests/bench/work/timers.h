/* work/timers.h: very many timers that are added and cancelled before any of them fires, as the timeouts
 * of connections are: added one after the other for random points of 1 to 100 s, all are there, then
 * cancelled in the order in which they were added. */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include "bench.h"

enum { TIMERS_MOST = 100000 };

/* When each fires, in milliseconds from now. */
static int64_t timers_at[TIMERS_MOST];

static inline void timers_choose(int64_t n)
{
    uint64_t seed = 1;
    bench_need(n <= TIMERS_MOST, "there is room for every timer");
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        timers_at[i] = 1000 + (int64_t)((seed >> 33) % 99000);
    }
}

/* Add and cancel all `n` of them `times` times, once more to warm up, and print what one costs. */
static inline void timers_measure(void (*add)(int64_t i), void (*cancel)(int64_t i), int64_t n,
                                  int64_t times)
{
    int64_t begin = 0, adding = 0;
    timers_choose(n);
    for (int64_t turn = 0; turn <= times; turn++) {
        int64_t start = bench_clock();
        if (turn == 1)
            begin = start;
        for (int64_t i = 0; i < n; i++)
            add(i);
        if (turn > 0)
            adding += bench_clock() - start;
        for (int64_t i = 0; i < n; i++)
            cancel(i);
    }
    bench_print("cost", (double)(bench_clock() - begin) / (double)(n * times));
    bench_print("add", (double)adding / (double)(n * times));
}

#endif
