#include "work/skew.h"

#include "work/chain.h"

uint64_t skew_step(int64_t i)
{
    return chain_from((uint64_t)i, (uint32_t)i);
}

uint64_t skew_sum(int64_t n)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += skew_step(i);
    return sum;
}
