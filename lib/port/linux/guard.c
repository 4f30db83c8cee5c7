#include "port/guard.h"
#include "port/latch.h"

enum { SPINS = 40 };

void weft__guard_slow(weft__guard *g)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t none = 0;
        weft__cpu_relax();
        if (weft_atomic_load(g, WEFT_RELAXED) == 0 &&
            weft_atomic_cas(g, &none, 1, WEFT_ACQUIRE, WEFT_RELAXED)) /* pairs with guard_drop */
            return;
    }
    /* From here on it is taken as 2: whoever drops it wakes one, who may not be the only one. */
    while (weft_atomic_exchange(g, 2, WEFT_ACQUIRE) != 0)
        weft__futex_wait(g, 2, INT64_MAX, false);
}

void weft__latch_slow(weft__latch *l)
{
    for (int i = 0;; i++) {
        i < SPINS ? weft__cpu_relax() : weft__cpu_yield();
        if (weft_atomic_load(l, WEFT_RELAXED) == 0 && weft__latch_try(l))
            return;
    }
}
