/* The wheel's clock is a time that has come: it moves on as timers fire, and none in the wheel is
 * earlier. Deadlines are numbers of eleven digits of six bits, the last one of three.
 *
 * C1 A timer lies on the level of the highest digit in which it differs from the clock, in the slot of
 *    that digit; on level 0 if it differs in none. So all of a lower level are earlier than all of a
 *    higher one, and those of a lower slot earlier than those of a higher one.
 * C2 Hence the first slot that is taken has the earliest. On level 0 all of a slot are due at once. On
 *    another level, when the first of them is due, the clock is set to `from` and the slot is dealt out:
 *    all of it goes to lower levels, because its digit is now the clock's. The clock may do that since
 *    no lower level has a timer then. Each timer is dealt at most once on every level.
 * C3 `moving` is the slot being dealt out. That is done in bites; until it is through the slot keeps its
 *    `from`, which is right for those that were dealt as well.
 * C4 Who is earlier than the clock when it is added goes to the slot of the late, the one in which the
 *    order has to be made by sorting. They come before all others.
 * C5 `from` is exact in a slot of one, and in any slot until its earliest is removed; then those who are
 *    left are looked at if they are few. Otherwise it stays, too early. Who wakes for it finds the slot
 *    dealt out, which makes all of it exact: at most one vain wake for a slot.
 */
#include "task/timer.h"

#include <stddef.h>

enum {
    NONE = WEFT__TIMER_SLOTS, /* no slot */
    FEW = 8,                  /* how many are looked at for the earliest of them */
    BITE = 256                /* steps that are done under the guard in one go */
};

_Static_assert(sizeof(weft__timers) < 16 * 1024, "there is one for every worker");

void weft__timers_init(weft__timers *ts)
{
    *ts = (weft__timers){.moving = NONE};
    weft_atomic_store(&ts->earliest, INT64_MAX, WEFT_RELAXED); /* nobody else knows it yet */
}

/* C1, C4 */
static unsigned slot_for(int64_t clock, int64_t at)
{
    if (at < clock)
        return WEFT__TIMER_LATE;
    uint64_t differ = (uint64_t)(at ^ clock);
    unsigned level = (63 - (unsigned)__builtin_clzll(differ | 1)) / WEFT__TIMER_DIGIT;
    unsigned digit = (unsigned)(at >> (level * WEFT__TIMER_DIGIT)) % WEFT__TIMER_FAN;
    return level * WEFT__TIMER_FAN + digit;
}

static uint64_t bit_of(unsigned slot)
{
    return (uint64_t)1 << (slot % WEFT__TIMER_FAN);
}

static void put_in(weft__timers *ts, weft__timer *t)
{
    t->slot = slot_for(ts->clock, t->at);
    weft__timer_slot *s = &ts->slot[t->slot];
    if (s->first) {
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
        ts->taken[t->slot / WEFT__TIMER_FAN] |= bit_of(t->slot);
        ts->levels |= 1u << (t->slot / WEFT__TIMER_FAN);
    }
}

static void take_out(weft__timers *ts, weft__timer *t)
{
    weft__timer_slot *s = &ts->slot[t->slot];
    unsigned level = t->slot / WEFT__TIMER_FAN;
    if (t->next != t) {
        t->next->prev = t->prev;
        t->prev->next = t->next;
        if (s->first == t)
            s->first = t->next;
    } else {
        s->first = NULL;
        ts->taken[level] &= ~bit_of(t->slot);
        if (ts->taken[level] == 0)
            ts->levels &= ~(1u << level);
        if (ts->moving == t->slot)
            ts->moving = NONE;
    }
    t->next = t->prev = NULL;
}

/* The slot that has the earliest, or NONE. */
static unsigned first_slot(const weft__timers *ts)
{
    if (ts->slot[WEFT__TIMER_LATE].first)
        return WEFT__TIMER_LATE;
    if (ts->moving != NONE || ts->levels == 0)
        return ts->moving;
    unsigned level = (unsigned)__builtin_ctz(ts->levels);
    return level * WEFT__TIMER_FAN + (unsigned)__builtin_ctzll(ts->taken[level]);
}

/* Guard held, under which it is written. */
static int64_t published(weft__timers *ts)
{
    return weft_atomic_load(&ts->earliest, WEFT_RELAXED);
}

/* Some have gone: `earliest` may be later now. Who still reads the former one wakes in vain. */
static void publish_first(weft__timers *ts)
{
    unsigned first = first_slot(ts);
    int64_t at = first == NONE ? INT64_MAX : ts->slot[first].from;
    if (at != published(ts))
        weft_atomic_store(&ts->earliest, at, WEFT_RELAXED);
}

bool weft__timer_add(weft__timers *ts, weft__timer *t)
{
    t->home = ts;
    weft__guard_take(&ts->guard);
    put_in(ts, t);
    bool first = t->at < published(ts);
    if (first) /* pairs with the worker about to sleep, which says until when before it reads this */
        weft_atomic_store(&ts->earliest, t->at, WEFT_SEQ_CST);
    weft__guard_drop(&ts->guard);
    return first;
}

/* C5: the earliest of a slot has gone. */
static void look_again(weft__timer_slot *s)
{
    int64_t from = INT64_MAX;
    weft__timer *t = s->first;
    for (int i = 0; i < FEW; i++, t = t->next) {
        if (t->at < from)
            from = t->at;
        if (t->next == s->first) {
            s->from = from;
            return;
        }
    }
}

void weft__timer_remove(weft__timers *ts, weft__timer *t)
{
    weft__guard_take(&ts->guard);
    if (t->next) {
        weft__timer_slot *s = &ts->slot[t->slot];
        take_out(ts, t);
        if (s->first && t->slot != ts->moving /* C3 */ &&
            (t->at == s->from || s->first->next == s->first))
            look_again(s);
        publish_first(ts);
    }
    weft__guard_drop(&ts->guard);
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

static void fire(weft__timers *ts, weft__timer *t)
{
    if (ts->clock < t->at)
        ts->clock = t->at;
    take_out(ts, t);
    weft__unpark(t->who); /* under the guard, which `who` takes before it leaves with `t` */
}

static void deal(weft__timers *ts, weft__timer *t)
{
    if (ts->moving == NONE) { /* C2 */
        ts->moving = t->slot;
        ts->clock = ts->slot[t->slot].from;
    }
    take_out(ts, t);
    put_in(ts, t);
}

/* One step: fires the earliest, or deals one timer to a lower level. False if none is due. */
static bool turn(weft__timers *ts, int64_t now, int *fired)
{
    unsigned first = first_slot(ts);
    if (first == WEFT__TIMER_LATE)
        order_the_late(ts);
    if (first == NONE || ts->slot[first].from > now)
        return false;
    weft__timer *t = ts->slot[first].first;
    bool is_earliest = first == WEFT__TIMER_LATE || first < WEFT__TIMER_FAN ||
                       (t->next == t && first != ts->moving);
    if (is_earliest) {
        fire(ts, t);
        ++*fired;
    } else {
        deal(ts, t);
    }
    return true;
}

int weft__timers_expire(weft__timers *ts, int64_t now)
{
    int fired = 0;
    for (bool more = true; more;) {
        weft__guard_take(&ts->guard);
        for (int i = 0; i < BITE && more; i++)
            more = turn(ts, now, &fired);
        publish_first(ts);
        weft__guard_drop(&ts->guard);
    }
    return fired;
}
