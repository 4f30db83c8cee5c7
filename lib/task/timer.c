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

enum {
    NONE = WEFT__TIMER_SLOTS, /* no slot */
    FEW = 8,                  /* how many are looked at for the earliest of them */
    BITE = 256,               /* steps that are done under the guard in one go */
    AHEAD = 64                /* timers of a far slot that are dealt ahead at a time: C6 */
};

/* A slot of each level is so many bits of nanoseconds long: 1 ns, 64 ns, 4 us, 262 us, 2 s, 68 s, ... */
enum { WIDE_SHIFT = 18, FAR_SHIFT = WIDE_SHIFT + WEFT__TIMER_WIDE - 1 };
static const uint8_t shift_of[WEFT__TIMER_LEVELS] = {
    0,
    6,
    12,
    WIDE_SHIFT,
    FAR_SHIFT,
    FAR_SHIFT + 5,
    FAR_SHIFT + 10,
    FAR_SHIFT + 15,
    FAR_SHIFT + 20,
    FAR_SHIFT + 25,
    FAR_SHIFT + 30,
};

void weft__timers_init(weft__timers *ts)
{
    memset(ts, 0, offsetof(weft__timers, slot));
    weft_atomic_store(&ts->earliest, INT64_MAX, WEFT_RELAXED); /* nobody else knows it yet */
}

static unsigned fan_of(unsigned level)
{
    return level == WEFT__TIMER_FINE ? WEFT__TIMER_WIDTH : WEFT__TIMER_FAN;
}

/* The number of the first slot of `level`. */
static unsigned base_of(unsigned level)
{
    return level == WEFT__TIMER_FINE  ? 0
           : level < WEFT__TIMER_FINE ? WEFT__TIMER_WIDTH + level * WEFT__TIMER_FAN
                                      : WEFT__TIMER_WIDTH + (level - 1) * WEFT__TIMER_FAN;
}

static unsigned level_of(unsigned slot)
{
    if (slot < WEFT__TIMER_WIDTH)
        return WEFT__TIMER_FINE;
    unsigned i = (slot - WEFT__TIMER_WIDTH) / WEFT__TIMER_FAN;
    return i < WEFT__TIMER_FINE ? i : i + 1;
}

/* Whether `at` is less than a turn of `level` ahead of the clock. */
static bool in_turn(int64_t clock, int64_t at, unsigned level)
{
    uint64_t ahead = ((uint64_t)at >> shift_of[level]) - ((uint64_t)clock >> shift_of[level]);
    return ahead < fan_of(level);
}

/* C1, C4 */
static unsigned slot_for(int64_t clock, int64_t at)
{
    if (at < clock)
        return WEFT__TIMER_LATE;
    unsigned level = in_turn(clock, at, WEFT__TIMER_FINE) ? 0 : WEFT__TIMER_FINE + 1;
    while (!in_turn(clock, at, level))
        level++;
    return base_of(level) + (unsigned)((uint64_t)at >> shift_of[level]) % fan_of(level);
}

static uint64_t bit(unsigned i)
{
    return (uint64_t)1 << (i % 64);
}

static bool is_taken(const weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE)
        return ts->late;
    if (slot < WEFT__TIMER_WIDTH)
        return ts->wide[slot / 64] & bit(slot);
    return ts->taken[level_of(slot)] & bit(slot);
}

static void mark(weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE) {
        ts->late = true;
        return;
    }
    ts->levels |= 1u << level_of(slot);
    if (slot < WEFT__TIMER_WIDTH) {
        ts->wide[slot / 64] |= bit(slot);
        ts->sums[slot / 64 / 64] |= bit(slot / 64);
    } else {
        ts->taken[level_of(slot)] |= bit(slot);
    }
}

static void unmark_wide(weft__timers *ts, unsigned slot)
{
    uint64_t any = 0;
    ts->wide[slot / 64] &= ~bit(slot);
    if (ts->wide[slot / 64] != 0)
        return;
    ts->sums[slot / 64 / 64] &= ~bit(slot / 64);
    for (unsigned i = 0; i < WEFT__TIMER_SUMS; i++)
        any |= ts->sums[i];
    if (any == 0)
        ts->levels &= ~(1u << WEFT__TIMER_FINE);
}

static void unmark(weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE) {
        ts->late = false;
        return;
    }
    if (slot < WEFT__TIMER_WIDTH) {
        unmark_wide(ts, slot);
        return;
    }
    unsigned level = level_of(slot);
    ts->taken[level] &= ~bit(slot);
    if (ts->taken[level] == 0)
        ts->levels &= ~(1u << level);
}

static void put_in(weft__timers *ts, weft__timer *t)
{
    t->slot = slot_for(ts->clock, t->at);
    weft__timer_slot *s = &ts->slot[t->slot];
    if (is_taken(ts, t->slot)) {
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
        mark(ts, t->slot);
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
        unmark(ts, t->slot);
    }
    t->next = t->prev = NULL;
}

/* The first bit of `words` that is set, from number `from` on; 64 * `n`: none. */
static unsigned next_bit(const uint64_t *words, unsigned n, unsigned from)
{
    for (unsigned i = from / 64; i < n; i++) {
        uint64_t left = i == from / 64 ? words[i] >> (from % 64) << (from % 64) : words[i];
        if (left != 0)
            return i * 64 + (unsigned)__builtin_ctzll(left);
    }
    return n * 64;
}

/* The first slot of `level`, which has one, counted from the clock's: C1. */
static unsigned first_of(const weft__timers *ts, unsigned level)
{
    unsigned now = (unsigned)((uint64_t)ts->clock >> shift_of[level]) % fan_of(level);
    if (level != WEFT__TIMER_FINE) {
        uint64_t turned = ts->taken[level] >> now | ts->taken[level] << (63 - now) << 1;
        return base_of(level) + (now + (unsigned)__builtin_ctzll(turned)) % 64;
    }
    unsigned here = next_bit(&ts->wide[now / 64], 1, now % 64);
    if (here < 64)
        return now / 64 * 64 + here;
    unsigned word = next_bit(ts->sums, WEFT__TIMER_SUMS, now / 64 + 1);
    if (word == WEFT__TIMER_SUMS * 64)
        word = next_bit(ts->sums, WEFT__TIMER_SUMS, 0);
    return word * 64 + (unsigned)__builtin_ctzll(ts->wide[word]);
}

/* The slot that has the earliest, or NONE; of several the highest, in which it may be hidden: C2. */
static unsigned first_slot(const weft__timers *ts)
{
    unsigned first = NONE;
    if (ts->late)
        return WEFT__TIMER_LATE;
    for (uint32_t left = ts->levels; left != 0; left &= left - 1) {
        unsigned slot = first_of(ts, (unsigned)__builtin_ctz(left));
        if (first == NONE || ts->slot[slot].from <= ts->slot[first].from)
            first = slot;
    }
    return first;
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
    unsigned first = first_slot(ts);
    if (first == WEFT__TIMER_LATE)
        order_the_late(ts);
    if (first == NONE || ts->slot[first].from > now)
        return false;
    weft__timer_slot *s = &ts->slot[first];
    weft__timer *t = s->first;
    if (first == WEFT__TIMER_LATE || level_of(first) == 0 || (t->next == t && t->at == s->from)) {
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
        unsigned level = (unsigned)__builtin_ctz(far), slot = first_of(ts, level);
        int64_t last = ts->slot[slot].from | (((int64_t)1 << shift_of[level]) - 1);
        for (int i = 0; i < AHEAD && is_taken(ts, slot) && in_turn(ts->clock, last, level - 1); i++)
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
