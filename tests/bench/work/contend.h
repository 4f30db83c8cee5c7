/* work/contend.h: what a contended lock protects, and what its users do between two turns: about 20 and
 * about 100 nanoseconds. */
#ifndef BENCH_CONTEND_H
#define BENCH_CONTEND_H

#include "work/chain.h"

enum { CONTENDERS = 8, CONTEND_INSIDE = 20, CONTEND_OUTSIDE = 100 };

/* What the lock protects. */
typedef struct contend_state {
    int64_t turns;
    uint64_t value;
} contend_state;

static inline void contend_inside(contend_state *s)
{
    s->turns++;
    s->value = chain_from(s->value, CONTEND_INSIDE);
}

static inline uint64_t contend_outside(uint64_t x)
{
    x = chain_from(x, CONTEND_OUTSIDE);
    bench_keep(&x);
    return x;
}

#endif
