/* The barrier: a binomial tree. A rank's children are rank + 1, + 2, + 4 ... below its lowest bit; below
 * the child at distance d are the d ranks from it on. */
#include <stdlib.h>

#include "team/round.h"

/* Wait for all below; *reach: the distance of the parent, or beyond the team at the root. */
static weft_err come_up(weft__round *r, int *reach)
{
    weft_team *t = r->team;
    int d = 1;
    for (; d < t->size && !(t->rank & d); d *= 2) {
        int child = t->rank + d;
        if (child >= t->size)
            continue;
        weft__letter *l;
        weft_err e = weft__round_take(r, child, WEFT__ROUND_UP, &l);
        if (e != WEFT_OK)
            return e;
        free(l);
        weft__round_came(r, child, child + d);
    }
    *reach = d;
    return WEFT_OK;
}

static weft_err go_down(weft__round *r, int reach)
{
    weft_team *t = r->team;
    weft_err e = WEFT_OK;
    for (int d = reach / 2; d > 0; d /= 2) {
        if (t->rank + d >= t->size)
            continue;
        weft_err one = weft__round_send(r, t->rank + d, WEFT__ROUND_DOWN, 0, NULL, 0);
        if (e == WEFT_OK)
            e = one;
    }
    return e;
}

weft_err weft_team_barrier(weft_team *t, weft_deadline by)
{
    weft__round r;
    int reach;
    weft_err e = weft__round_begin(&r, t, WEFT__ROUND_BARRIER, 0, "barrier", by);
    if (e != WEFT_OK)
        return e;
    e = come_up(&r, &reach);
    if (e == WEFT_OK && t->rank != 0) {
        weft__letter *l;
        e = weft__round_send(&r, t->rank - reach, WEFT__ROUND_UP, 0, NULL, 0);
        if (e == WEFT_OK)
            e = weft__round_take(&r, t->rank - reach, WEFT__ROUND_DOWN, &l);
        if (e == WEFT_OK)
            free(l);
    }
    if (e == WEFT_OK)
        e = go_down(&r, reach);
    return weft__round_end(&r, e);
}
