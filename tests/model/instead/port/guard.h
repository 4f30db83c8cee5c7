/* port/guard.h in all models but that of the guard: in a full search, a lock of the checker. A thread that
 * finds it held goes on once it is free, with no steps of its own in between. That leaves out no behaviour of
 * those who use guards, since the real one, which its own models check, lets one in at a time, who sees what
 * the last one did, lets somebody in whenever it is free, and is no longer touched once it was dropped. In
 * the other searches it is the real one. */
#ifndef WEFT_MODEL_INSTEAD_PORT_GUARD_H
#define WEFT_MODEL_INSTEAD_PORT_GUARD_H

#include "model/checker.h"

#define weft__guard_take weft__real_guard_take
#define weft__guard_drop weft__real_guard_drop
#include_next "port/guard.h"
#undef weft__guard_take
#undef weft__guard_drop

static inline void weft__guard_take(weft__guard *g)
{
    if (!model_lock(MODEL_AT(g)))
        weft__real_guard_take(g);
}

static inline void weft__guard_drop(weft__guard *g)
{
    if (!model_unlock(MODEL_AT(g)))
        weft__real_guard_drop(g);
}

#endif
