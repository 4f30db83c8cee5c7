/* The wheel's clock is a time that has come; none in the wheel is earlier. It moves on as timers fire.
 *
 * C1 A timer lies on the lowest level on which it is less than a turn ahead of the clock, both counted in
 *    slots of that level; a turn is as many slots as the level has. So the first slot that is taken,
 *    counted from the clock's, has the earliest of its level.
 * C2 The earliest of all is in the one of these that has the least `from`. On level 0 all of a slot are
 *    due at once. On another level, when the first of them is due, the clock is set to `from` and the slot
 *    is dealt out: all of it goes to lower levels, since a slot is no longer than a turn of the level below.
 *    Each timer is dealt at most once on every level.
 * C3 That is done in bites; until it is through the slot keeps its `from`, which is right for those that
 *    were dealt as well.
 * C4 Who is earlier than the clock when it is added goes to the slot of the late, the one in which the
 *    order has to be made by sorting. They come before all others.
 * C5 `from` is exact in a slot of one, and in any slot until its earliest is removed; then those who are
 *    left are looked at if they are few. Otherwise it stays, too early. Who wakes for it finds the slot
 *    dealt out, which makes all of it exact: at most one vain wake for a slot.
 * C6 A far slot is no longer than half a turn of the level below. So it can be dealt out before the first
 *    of it is due, a few at a time, and of a crowd that waits for long nobody is late because of the others.
 */
#include "task/timer.h"

#include <stddef.h>
#include <string.h>

#include "task/wheel.h"

enum {
    FEW = 8,    /* how many are looked at for the earliest of them */
    BITE = 256, /* steps that are done under the guard in one go */
    AHEAD = 64  /* timers of a far slot that are dealt ahead at a time: C6 */
};

void weft__timers_init(weft__timers *ts)
{
    memset(ts, 0, offsetof(weft__timers, slot));
    weft_atomic_store(&ts->earliest, INT64_MAX, WEFT_RELAXED); /* nobody else knows it yet */
}

static void put_in(weft__timers *ts, weft__timer *t)
{
    t->slot = weft__wheel_slot_for(ts->clock, t->at);
    weft__timer_slot *s = &ts->slot[t->slot];
    if (weft__wheel_has(ts, t->slot)) {
        t->next = s->first;
        t->prev = s->first->prev;
        t->next->prev = t->prev->next = t;
        if (t->at < s->from)
            s->from = t->at;
        if (t->slot == WEFT__TIMER_LATE && t->at < t->prev->at)
            ts->shuffled = true;
    } else {
        s->first = t->next = t->prev = t;
        s->from = t->at;
        weft__wheel_mark(ts, t->slot);
    }
}

static void take_out(weft__timers *ts, weft__timer *t)
{
    weft__timer_slot *s = &ts->slot[t->slot];
    if (t->next != t) {
        t->next->prev = t->prev;
        t->prev->next = t->next;
        if (s->first == t)
            s->first = t->next;
    } else {
        weft__wheel_unmark(ts, t->slot);
    }
    t->next = t->prev = NULL;
}

/* Guard held, under which it is written. */
static int64_t published(weft__timers *ts)
{
    return weft_atomic_load(&ts->earliest, WEFT_RELAXED);
}

/* Some have gone: `earliest` may be later now. Who still reads the former one wakes in vain. */
static void publish_first(weft__timers *ts)
{
    unsigned first = weft__wheel_first(ts);
    int64_t at = first == WEFT__WHEEL_NONE ? INT64_MAX : ts->slot[first].from;
    if (at != published(ts))
        weft_atomic_store(&ts->earliest, at, WEFT_RELAXED);
}

bool weft__timer_put(weft__timers *ts, weft__timer *t)
{
    t->home = ts;
    put_in(ts, t);
    bool first = t->at < published(ts);
    if (first) /* pairs with the worker about to sleep, which says until when before it reads this */
        weft_atomic_store(&ts->earliest, t->at, WEFT_SEQ_CST);
    return first;
}

bool weft__timer_add(weft__timers *ts, weft__timer *t)
{
    weft__latch_take(&ts->guard);
    bool first = weft__timer_put(ts, t);
    weft__latch_drop(&ts->guard);
    return first;
}

/* C5: the earliest of a slot has gone. */
static void look_again(weft__timer_slot *s)
{
    int64_t from = INT64_MAX;
    weft__timer *t = s->first;
    for (int i = 0; i < FEW; i++, t = t->next) {
        if (t->at == s->from) /* another one as early */
            return;
        if (t->at < from)
            from = t->at;
        if (t->next == s->first) {
            s->from = from;
            return;
        }
    }
}

void weft__timer_drop(weft__timer *t)
{
    weft__timers *ts = t->home;
    weft__timer_slot *s = &ts->slot[t->slot];
    bool alone = t->next == t, pair = t->next == t->prev; /* the others are far away: not read */
    int64_t from = s->from;
    take_out(ts, t);
    if (!alone && (pair || t->at == from))
        look_again(s);
    if (from <= published(ts)) /* the earliest may have been in this slot */
        publish_first(ts);
}

void weft__timer_remove(weft__timers *ts, weft__timer *t)
{
    weft__latch_take(&ts->guard);
    if (t->next)
        weft__timer_drop(t);
    weft__latch_drop(&ts->guard);
}

/* Both are lists by `next`; of equals those of `a` come first. */
static weft__timer *merge(weft__timer *a, weft__timer *b)
{
    weft__timer *all, **end = &all;
    while (a && b) {
        weft__timer **less = b->at < a->at ? &b : &a;
        *end = *less;
        end = &(*less)->next;
        *less = *end;
    }
    *end = a ? a : b;
    return all;
}

/* C4: merge sort from below; run[i] has 2^i of them or none. */
static void sort(weft__timer_slot *s)
{
    weft__timer *run[32] = {NULL}, *all = NULL;
    s->first->prev->next = NULL;
    for (weft__timer *rest = s->first; rest;) {
        weft__timer *t = rest;
        rest = rest->next;
        t->next = NULL;
        int i = 0;
        for (; run[i]; i++) {
            t = merge(run[i], t);
            run[i] = NULL;
        }
        run[i] = t;
    }
    for (int i = 0; i < 32; i++)
        all = merge(run[i], all);
    s->first = all;
    for (; all->next; all = all->next)
        all->next->prev = all;
    all->next = s->first;
    s->first->prev = all;
}

static void order_the_late(weft__timers *ts)
{
    weft__timer_slot *late = &ts->slot[WEFT__TIMER_LATE];
    if (ts->shuffled)
        sort(late);
    ts->shuffled = false;
    late->from = late->first->at;
}

static void fire(weft__timers *ts, weft__timer *t, weft__fired *f)
{
    if (ts->clock < t->at)
        ts->clock = t->at;
    take_out(ts, t);
    f->n++;
    if (t->timed)
        weft__timed_fire(t, f);
    else
        weft__unpark(t->who); /* under the guard, which `who` takes before it leaves with `t` */
}

/* To a lower level. */
static void deal(weft__timers *ts, weft__timer *t)
{
    take_out(ts, t);
    put_in(ts, t);
}

/* One step: fires the earliest, or deals one timer to a lower level. False if none is due. */
static bool turn(weft__timers *ts, int64_t now, weft__fired *f)
{
    unsigned first = weft__wheel_first(ts);
    if (first == WEFT__TIMER_LATE)
        order_the_late(ts);
    if (first == WEFT__WHEEL_NONE || ts->slot[first].from > now)
        return false;
    weft__timer_slot *s = &ts->slot[first];
    weft__timer *t = s->first;
    if (first == WEFT__TIMER_LATE || weft__wheel_level(first) == 0 ||
        (t->next == t && t->at == s->from)) {
        fire(ts, t, f);
        return true;
    }
    ts->clock = s->from; /* C2 */
    deal(ts, t);
    return true;
}

/* C6: a few of each far slot all of which is in the turn of the level below. */
static void deal_ahead(weft__timers *ts)
{
    uint32_t far = ts->levels >> (WEFT__TIMER_FINE + 1) << (WEFT__TIMER_FINE + 1);
    for (; far != 0; far &= far - 1) {
        unsigned level = (unsigned)__builtin_ctz(far), slot = weft__wheel_first_of(ts, level);
        int64_t last = ts->slot[slot].from | (((int64_t)1 << weft__wheel_shift[level]) - 1);
        for (int i = 0; i < AHEAD && weft__wheel_has(ts, slot) &&
                        weft__wheel_in_turn(ts->clock, last, level - 1);
             i++)
            deal(ts, ts->slot[slot].first);
    }
}

/* The clock may be as late as nobody is earlier than it. */
static void keep_clock(weft__timers *ts, int64_t now)
{
    int64_t first = published(ts);
    int64_t may = first < now ? first : now;
    if (ts->clock < may)
        ts->clock = may;
}

int weft__timers_expire(weft__timers *ts, int64_t now)
{
    weft__fired f = {.n = 0};
    for (bool more = true; more;) {
        weft__latch_take(&ts->guard);
        for (int i = 0; i < BITE && more && !f.in_vain; i++)
            more = turn(ts, now, &f);
        publish_first(ts);
        if (!more) {
            keep_clock(ts, now);
            deal_ahead(ts);
        }
        weft__latch_drop(&ts->guard);
        weft__timed_begin(&f);
    }
    return f.n;
}
