/* port/guard.h: the small lock inside the primitives. Held for a few instructions, never across a
 * wait; one word, so that it fits everywhere; zero is unlocked.
 *
 * 0 free, 1 held, 2 held and somebody may sleep. The releasing exchange is the last access: its
 * owner may free the memory as soon as somebody else has held the guard after it (the wake that may
 * follow needs the address only). Contention spins for a moment, then sleeps on the word.
 */
#ifndef WEFT_PORT_GUARD_H
#define WEFT_PORT_GUARD_H

#include "port/futex.h"

typedef weft__futex weft__guard;

void weft__guard_slow(weft__guard *g);

static inline void weft__guard_take(weft__guard *g)
{
    uint32_t none = 0;
    /* pairs with weft__guard_drop: everything the last holder wrote */
    if (!weft_atomic_cas(g, &none, 1, WEFT_ACQUIRE, WEFT_RELAXED))
        weft__guard_slow(g);
}

static inline void weft__guard_drop(weft__guard *g)
{
    /* pairs with weft__guard_take */
    if (weft_atomic_exchange(g, 0, WEFT_RELEASE) == 2)
        weft__futex_wake(g, 1, false);
}

#endif
