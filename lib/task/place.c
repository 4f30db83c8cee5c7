/* The loop place: its tasks run one at a time, on whichever worker carries it. A task that becomes ready
 * goes to the strand's inbox; who finds that nobody carries the loop makes its carrier ready, and the
 * worker that takes that one carries the loop for a while, then lets others have a turn. */
#include "task/worker.h"

/* So many tasks of the loop run before others have a turn. They are short, and what waits for the
 * world should not wait for each computing task of the pool in between. */
enum { LOOP_TURN = 16 };

/* In the inbox: nobody carries. */
#define IDLE(s) (&(s)->carrier)

void weft__strand_init(weft__strand *s, weft *w)
{
    *s = (weft__strand){.carrier = {.place = &w->loop}};
    weft_atomic_store(&s->inbox, IDLE(s), WEFT_RELAXED);
}

static void append(weft__strand *s, weft__task *t)
{
    t->next = NULL;
    if (s->last)
        s->last->next = t;
    else
        s->first = t;
    s->last = t;
}

void weft__strand_push(weft *w, weft__task *t)
{
    weft__strand *s = &w->strand;
    weft__worker *me = weft__worker_of(w);
    if (me && me->carrying) {
        append(s, t);
        return;
    }
    weft__task *seen = weft_atomic_load(&s->inbox, WEFT_RELAXED);
    do {
        t->next = seen == IDLE(s) ? NULL : seen;
        /* pairs with refill and pass */
    } while (!weft_atomic_cas(&s->inbox, &seen, t, WEFT_ACQ_REL, WEFT_RELAXED));
    if (seen == IDLE(s))
        weft__make_work(w, &s->carrier);
}

/* What came in, in the order in which it came. */
static void refill(weft__strand *s)
{
    weft__task *t = weft_atomic_exchange(&s->inbox, NULL, WEFT_ACQ_REL); /* pairs with push */
    weft__task *turned = NULL;
    while (t) {
        weft__task *next = t->next;
        t->next = turned;
        turned = t;
        t = next;
    }
    while (turned) {
        weft__task *next = turned->next;
        append(s, turned);
        turned = next;
    }
}

/* Nobody carries any more, unless there is something to run: then whoever takes the carrier does. */
static void pass(weft *w)
{
    weft__strand *s = &w->strand;
    weft__task *none = NULL;
    /* pairs with push: it finds the loop idle, or leaves what is found here */
    if (!s->first && weft_atomic_cas(&s->inbox, &none, IDLE(s), WEFT_ACQ_REL, WEFT_RELAXED))
        return;
    weft__make_work(w, &s->carrier);
}

weft__task *weft__strand_next(weft__worker *me)
{
    weft__strand *s = &me->rt->strand;
    if (me->loop_left > 0) {
        if (weft_atomic_load(&s->inbox, WEFT_RELAXED))
            refill(s);
        weft__task *t = s->first;
        if (t) {
            me->loop_left--;
            s->first = t->next;
            if (!s->first)
                s->last = NULL;
            return t;
        }
    }
    me->carrying = false;
    me->loop_left = LOOP_TURN; /* for the next time */
    pass(me->rt);
    return NULL;
}
