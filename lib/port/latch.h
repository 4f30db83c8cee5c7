/* port/latch.h: a guard for a few instructions that are counted in nanoseconds. Zero is unlocked.
 *
 * It is dropped by a store, the last access, where a weft__guard has to exchange, to learn whether somebody
 * sleeps. So nobody sleeps: who finds it held looks again, and gives way its CPU in between, so that a holder
 * that has lost its own goes on. Not for what may be held for long, nor between processes.
 */
#ifndef WEFT_PORT_LATCH_H
#define WEFT_PORT_LATCH_H

#include "port/futex.h"

typedef WEFT_ATOMIC(uint32_t) weft__latch;

void weft__latch_slow(weft__latch *l);

static inline bool weft__latch_try(weft__latch *l)
{
    uint32_t none = 0;
    /* pairs with weft__latch_drop: everything the last holder wrote */
    return weft_atomic_cas(l, &none, 1, WEFT_ACQUIRE, WEFT_RELAXED);
}

static inline void weft__latch_take(weft__latch *l)
{
    if (__builtin_expect(!weft__latch_try(l), 0))
        weft__latch_slow(l);
}

static inline void weft__latch_drop(weft__latch *l)
{
    weft_atomic_store(l, 0, WEFT_RELEASE); /* pairs with weft__latch_try */
}

#endif
