/* The loop place: its tasks run one at a time, on whichever worker is free. Its carrier stands in a
 * run queue like a task while there is something to run; who pops it runs one task of the loop. */
#include "task/worker.h"

void weft__strand_init(weft__strand *s)
{
    *s = (weft__strand){.carrier.carrier = true};
    weft__list_init(&s->ready);
    weft__list_init(&s->carrier.node);
}

void weft__strand_push(weft *w, weft__task *t)
{
    weft__strand *s = &w->strand;
    weft__guard_take(&s->guard);
    weft__list_push(&s->ready, &t->run.node);
    bool carry = !s->carried;
    s->carried = true;
    weft__guard_drop(&s->guard);
    if (carry)
        weft__make_work(w, &s->carrier);
}

weft__task *weft__strand_take(weft__strand *s)
{
    weft__guard_take(&s->guard);
    weft__list *n = weft__list_pop(&s->ready);
    weft__guard_drop(&s->guard);
    return n ? weft__of(n, weft__task, run.node) : NULL;
}

void weft__strand_pass(weft *w)
{
    weft__strand *s = &w->strand;
    weft__guard_take(&s->guard);
    bool more = !weft__list_empty(&s->ready);
    s->carried = more;
    weft__guard_drop(&s->guard);
    if (more)
        weft__make_work(w, &s->carrier);
}
