/* work/pace.h: the pace at which a sleeper is woken again: it has to sleep deeply in between. */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include "bench.h"

enum { PACE_MOST = 10000, PACE_NS = 200000 };

/* Keep this CPU busy for a while. */
static inline void pace_pause(void)
{
    int64_t until = bench_clock() + PACE_NS;
    while (bench_clock() < until)
        ;
}

/* The middle one of `n` times, at most PACE_MOST. */
static inline double pace_median(const int64_t *times, int n)
{
    static double sorted[PACE_MOST];
    for (int i = 0; i < n; i++)
        sorted[i] = (double)times[i];
    return bench_median(sorted, n);
}

#endif
