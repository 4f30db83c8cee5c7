/* work/fib.h: what fib(n) is, and how many calls with two children each it takes. */
#ifndef BENCH_FIB_H
#define BENCH_FIB_H

#include <stdint.h>

static inline int64_t fib_known(int64_t n)
{
    int64_t a = 0, b = 1;
    for (; n > 0; n--) {
        int64_t sum = a + b;
        a = b, b = sum;
    }
    return a;
}

/* The calls with n of 2 and more, each of which forks one child. */
static inline double fib_forks(int64_t n)
{
    return (double)(fib_known(n + 1) - 1);
}

#endif
