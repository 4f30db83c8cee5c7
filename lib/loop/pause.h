/* loop/pause.h: trying again where nothing tells when it is worth it: after a while, longer and longer. */
#ifndef WEFT_LOOP_PAUSE_H
#define WEFT_LOOP_PAUSE_H

#include <stdbool.h>

#include "port/clock.h"
#include "weft/time.h"

/* How long the next pause is. */
typedef struct weft__pause {
    int64_t ns;
} weft__pause;

#define WEFT__PAUSE_INIT                                                                           \
    {                                                                                              \
        1000000                                                                                    \
    }

/* The end of the next pause, which is no later than `by`. False: `by` has passed. */
static inline bool weft__pause_next(weft__pause *p, weft_deadline by, weft_deadline *until)
{
    enum { LONGEST_NS = 100000000 };
    int64_t now = weft__clock_ns();
    if (by.ns <= now)
        return false;
    until->ns = by.ns - now < p->ns ? by.ns : now + p->ns;
    p->ns = p->ns * 2 < LONGEST_NS ? p->ns * 2 : LONGEST_NS;
    return true;
}

#endif
