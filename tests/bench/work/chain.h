/* work/chain.h: work of a known length that touches no memory: a dependent chain of multiplications. */
#ifndef BENCH_CHAIN_H
#define BENCH_CHAIN_H

#include "bench.h"

static inline uint64_t chain_from(uint64_t x, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

/* Do `steps` of them for nothing. */
static inline void chain(uint32_t steps)
{
    uint64_t x = chain_from(1, steps);
    __asm__ volatile("" : : "r"(x));
}

#endif
