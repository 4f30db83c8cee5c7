/* port/latch.h in all models but that of the guard, which checks the latch too: as instead/port/guard.h. */
#ifndef WEFT_MODEL_INSTEAD_PORT_LATCH_H
#define WEFT_MODEL_INSTEAD_PORT_LATCH_H

#include "model/checker.h"

#define weft__latch_take weft__real_latch_take
#define weft__latch_drop weft__real_latch_drop
#include_next "port/latch.h"
#undef weft__latch_take
#undef weft__latch_drop

static inline void weft__latch_take(weft__latch *l)
{
    if (!model_lock(MODEL_AT(l)))
        weft__real_latch_take(l);
}

static inline void weft__latch_drop(weft__latch *l)
{
    if (!model_unlock(MODEL_AT(l)))
        weft__real_latch_drop(l);
}

#endif
