/* loop/gate.h: who is inside of something that may be closed: one at a time, and the closer last. */
#ifndef WEFT_LOOP_GATE_H
#define WEFT_LOOP_GATE_H

#include <stdbool.h>

#include "task/wait.h"

typedef struct weft__gate {
    weft_sync_head head; /* the closer waits in it; its guard protects the rest */
    bool busy, closed;
} weft__gate;

static inline void weft__gate_init(weft__gate *g, const char *name)
{
    *g = (weft__gate){.busy = false};
    weft__sync_init(&g->head, name);
}

/* WEFT_OK: the caller is inside, and leaves. WEFT_CLOSED; WEFT_INVALID: somebody is inside. Sets no detail. */
static inline weft_err weft__gate_enter(weft__gate *g)
{
    weft__guard_take(weft__sync_guard(&g->head));
    weft_err e = g->closed ? WEFT_CLOSED : g->busy ? WEFT_INVALID : WEFT_OK;
    if (e == WEFT_OK)
        g->busy = true;
    weft__guard_drop(weft__sync_guard(&g->head));
    return e;
}

/* Whether it is closed; for who is inside. */
static inline bool weft__gate_closed(weft__gate *g)
{
    weft__guard_take(weft__sync_guard(&g->head));
    bool closed = g->closed;
    weft__guard_drop(weft__sync_guard(&g->head));
    return closed;
}

/* The last access of who was inside: the closer takes the guard once more before it goes on (R13). */
static inline void weft__gate_leave(weft__gate *g)
{
    weft__guard_take(weft__sync_guard(&g->head));
    g->busy = false;
    weft__wait_grant_all(&g->head);
    weft__guard_drop(weft__sync_guard(&g->head));
}

/* Nobody comes in any more. Whoever is inside has to be told by other means. */
static inline void weft__gate_close(weft__gate *g)
{
    weft__guard_take(weft__sync_guard(&g->head));
    g->closed = true;
    weft__guard_drop(weft__sync_guard(&g->head));
}

/* After weft__gate_close: wait until nobody is inside. */
static inline void weft__gate_await(weft__gate *g)
{
    weft__guard_take(weft__sync_guard(&g->head));
    while (g->busy)
        (void)weft__wait_held(&g->head, "closing", NULL, WEFT__WAIT_STEADY, WEFT_FOREVER);
    weft__guard_drop(weft__sync_guard(&g->head));
}

/* The same, by a deadline: WEFT_LATE, WEFT_CANCELLED or WEFT_NOMEM if somebody is inside. */
static inline weft_err weft__gate_await_by(weft__gate *g, weft_deadline by)
{
    weft_err e = WEFT_OK;
    weft__guard_take(weft__sync_guard(&g->head));
    while (g->busy && e == WEFT_OK)
        e = weft__wait_held(&g->head, "closing", NULL, 0, by);
    e = g->busy ? e : WEFT_OK;
    weft__guard_drop(weft__sync_guard(&g->head));
    return e;
}

#endif
