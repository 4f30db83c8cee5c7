/* When the lanes of a queue in this process are lent, and calling them back. With the queue's guard held. */
#include "sync/local.h"

/* Items longer than this are copied with the guard held, on which others sleep: no lane is lent. */
enum { LANE_ITEM_MAX = 1024 };

void weft__local_stop(weft__local *q, uintptr_t me)
{
    bool light = weft__lane_call_back(&q->put.lane, me);
    light |= weft__lane_call_back(&q->get.lane, me);
    if (light) {
        weft__barrier_all();
        q->calm = 0;
        if (q->calm_enough < WEFT__CALM_MOST)
            q->calm_enough = q->calm_enough * 4 + WEFT__CALM_FIRST;
    }
    weft__lane_drain(&q->put.lane);
    weft__lane_drain(&q->get.lane);
}

void weft__local_came(weft__local *q, weft__end *e, const weft__end *other, uintptr_t me)
{
    weft__lane *l = &e->lane;
    if (l->last != me) {
        l->last = me;
        l->streak = 0;
        return;
    }
    if (++l->streak < WEFT__LANE_AFTER || q->item_size > LANE_ITEM_MAX || e->open > 0 ||
        q->put.waiting + q->get.waiting > 0 || weft_atomic_load(&l->holder, WEFT_RELAXED) != 0)
        return;
    bool alone = other->lane.last == me;
    if (!alone)
        q->calm = 0;
    else if (q->calm < UINT32_MAX)
        q->calm++;
    weft__lane_lend(l, me, alone && q->barrier && q->calm > q->calm_enough);
}
