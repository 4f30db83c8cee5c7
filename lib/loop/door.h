/* loop/door.h: who is inside of something that others may stop and close, each in a role of its own.
 *
 * S1 `word` says who is inside: a bit for each role. Who enters sets its bit in one step and learns of the
 *    others; who leaves clears it. STOPPED sends away who enters. Who closes sets STOPPED, has those inside
 *    told by other means, sets CLOSING, and waits unless nobody was inside; then the last one that leaves grants
 *    it, and touches the door no more. So what is behind the door is freed when nobody uses it.
 */
#ifndef WEFT_LOOP_DOOR_H
#define WEFT_LOOP_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/wait.h"
#include "weft/atomic.h"

/* Roles are bits below these. */
enum { WEFT__STOPPED = 1 << 29, WEFT__CLOSING = 1 << 30 };

/* Zero: open, and nobody inside. */
typedef struct weft__door {
    WEFT_ATOMIC(uint32_t) word;
    weft__waiter *closer; /* set before CLOSING */
} weft__door;

static inline void weft__door_leave(weft__door *d, uint32_t as)
{
    /* pairs with enter, and with close */
    uint32_t before = weft_atomic_fetch_and(&d->word, ~as, WEFT_ACQ_REL);
    if ((before & ~(uint32_t)WEFT__STOPPED) == (as | WEFT__CLOSING))
        weft__grant(d->closer);
}

/* WEFT_OK: the caller is inside, and leaves. WEFT_CLOSED: it is stopped; WEFT_INVALID: somebody is inside as
 * that. Sets no detail. */
static inline weft_err weft__door_enter(weft__door *d, uint32_t as)
{
    /* pairs with leave: what the last one left behind */
    uint32_t before = weft_atomic_fetch_or(&d->word, as, WEFT_ACQ_REL);
    if (!(before & (as | WEFT__STOPPED)))
        return WEFT_OK;
    if (!(before & as))
        weft__door_leave(d, as);
    return before & WEFT__STOPPED ? WEFT_CLOSED : WEFT_INVALID;
}

static inline bool weft__door_stopped(const weft__door *d)
{
    return weft_atomic_load(&d->word, WEFT_ACQUIRE) & WEFT__STOPPED; /* pairs with stop */
}

/* From now on nobody enters. Whoever is inside has to be told. */
static inline void weft__door_stop(weft__door *d)
{
    weft_atomic_fetch_or(&d->word, WEFT__STOPPED, WEFT_ACQ_REL); /* pairs with enter and stopped */
}

/* After weft__door_stop: wait until nobody is inside. `name` says of what, to who asks why it waits. */
static inline void weft__door_close(weft__door *d, const char *name)
{
    weft__waiter *self = weft__self();
    d->closer = self;
    /* pairs with leave */
    if (weft_atomic_fetch_or(&d->word, WEFT__CLOSING, WEFT_ACQ_REL) & ~(uint32_t)WEFT__STOPPED)
        (void)weft__await(self, "close", name, true, WEFT_FOREVER, NULL, NULL);
}

#endif
