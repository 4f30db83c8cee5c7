/* What a worker has to run, and where it finds more: its rings, the inbox, the rings of others. */
#include "port/clock.h"
#include "task/worker.h"

/* Every so many turns a worker looks at the inbox before its own tasks. What comes from threads often
 * is somebody who has been waited for, and a turn may be long: they alternate. */
enum { INBOX_EVERY = 2 };
/* Every so many turns a task that has not begun goes before those that go on. */
enum { FRESH_EVERY = 8 };
/* Turns between two looks at the world, at most; fewer if turns are long. */
enum { LOOK_EVERY = 32 };
static const int64_t look_soon_ns = 20000, look_late_ns = 100000;
/* How long a worker that leaves others alone looks at nothing: about a microsecond. */
enum { PAUSES = 64 };
/* Tasks that are taken from others at once. */
enum { HAUL = 32 };
/* A stolen task costs its thief and its victim some cache misses, which is worth it only if it runs for
 * longer than that. So a thief leaves the others alone for a while after a haul, for longer and longer
 * while what it hauled was small. */
static const int64_t steal_soon_ns = 2000, steal_late_ns = 64000, small_ns = 500;

void weft__inbox_push(weft *w, weft__task *first, weft__task *last, uint32_t n)
{
    weft__inbox *in = &w->inbox;
    last->next = NULL;
    weft__guard_take(&in->guard);
    if (in->last)
        in->last->next = first;
    else
        in->first = first;
    in->last = last;
    weft_atomic_fetch_add(&in->count, n, WEFT_SEQ_CST); /* I2 */
    weft__guard_drop(&in->guard);
}

static weft__ring *ring_of(weft__worker *me, const weft__task *t)
{
    return t->stack || t == &me->rt->strand.carrier ? &me->ready : &me->fresh;
}

/* The ring is full: half of it goes to the inbox, the oldest first. */
static void spill(weft__worker *me, weft__ring *r)
{
    weft__task *first = weft__ring_pop(r), *last = first;
    uint32_t n = first != NULL;
    while (last && n < WEFT__RING_SLOTS / 2) {
        weft__task *t = weft__ring_pop(r);
        if (!t)
            break;
        last->next = t;
        last = t;
        n++;
    }
    if (first)
        weft__inbox_push(me->rt, first, last, n);
}

static void push(weft__worker *me, weft__task *t)
{
    weft__ring *r = ring_of(me, t);
    while (__builtin_expect(!weft__ring_push(r, t), 0))
        spill(me, r);
}

void weft__make_work(weft *w, weft__task *t)
{
    weft__worker *me = weft__worker_of(w);
    if (__builtin_expect(me != NULL, 1)) {
        push(me, t);
        weft__wake_one(w);
        return;
    }
    weft__inbox_push(w, t, t, 1);
    weft_atomic_fence(); /* I2 */
    weft__wake_one(w);
}

/* This worker's share of the inbox: one is returned, the others become its own. */
static weft__task *take_inbox(weft__worker *me)
{
    weft__inbox *in = &me->rt->inbox;
    uint32_t n = weft_atomic_load(&in->count, WEFT_ACQUIRE); /* a guess */
    if (n == 0)
        return NULL;
    n = n / (uint32_t)me->rt->workers + 1;
    weft__guard_take(&in->guard);
    weft__task *t = in->first, *last = t;
    uint32_t got = t != NULL;
    while (last && last->next && got < n && got < HAUL) {
        last = last->next;
        got++;
    }
    if (last) {
        in->first = last->next;
        if (!in->first)
            in->last = NULL;
        last->next = NULL;
        weft_atomic_fetch_sub(&in->count, got, WEFT_RELAXED);
    }
    weft__guard_drop(&in->guard);
    for (weft__task *more = t ? t->next : NULL, *next; more; more = next) {
        next = more->next;
        push(me, more);
    }
    /* I2: this is making work, for who found them neither in the inbox any more nor here yet. */
    if (got > 1)
        weft__wake_one(me->rt);
    return t;
}

static weft__task *steal_from(weft__worker *me, weft__ring *r)
{
    weft__task *haul[HAUL];
    uint32_t n = weft__ring_steal(r, haul, HAUL);
    for (uint32_t i = 1; i < n; i++)
        push(me, haul[i]);
    me->hauled += n;
    return n > 0 ? haul[0] : NULL;
}

/* Before the next haul. */
static void leave_alone(weft__worker *me)
{
    weft *w = me->rt;
    int64_t now = weft__clock_ns();
    if (me->hauled > 0) {
        bool small = now - me->stole < (int64_t)me->hauled * small_ns;
        me->steal_every = !small                            ? steal_soon_ns
                          : me->steal_every < steal_late_ns ? me->steal_every * 2
                                                            : steal_late_ns;
        me->hauled = 0;
    }
    while (!w->crowded && now < me->stole + me->steal_every &&
           weft_atomic_load(&w->inbox.count, WEFT_RELAXED) == 0 &&
           weft_atomic_load(&w->stopping, WEFT_RELAXED) == 0) {
        for (int i = 0; i < PAUSES; i++)
            weft__cpu_relax();
        now = weft__clock_ns();
    }
    me->stole = now;
}

/* From the other workers. Number i looks at i^1, i^2, ...: near ones first, since workers are placed in
 * the order of the machine, and no two in the same order. */
static weft__task *steal(weft__worker *me)
{
    weft *w = me->rt;
    bool left_alone = false;
    for (int k = 1; k < w->steal_span; k++) {
        int i = me->index ^ k;
        if (i >= w->workers)
            continue;
        weft__worker *victim = &w->worker[i];
        if (!weft__worker_has_any(victim))
            continue;
        if (!left_alone)
            leave_alone(me);
        left_alone = true;
        weft__task *t = steal_from(me, &victim->ready);
        if (!t)
            t = steal_from(me, &victim->spent);
        if (!t)
            t = steal_from(me, &victim->fresh);
        if (t)
            return t;
    }
    return NULL;
}

/* Look after the world: timers, descriptors, links. Seldom while turns are short. */
static void look(weft__worker *me)
{
    int64_t now = weft__clock_ns(), since = now - me->looked;
    me->looked = now;
    if (since > look_late_ns)
        me->look_every = 1;
    else if (since < look_soon_ns && me->look_every < LOOK_EVERY)
        me->look_every *= 2;
    me->until_look = me->look_every;
    weft__poll_turn(me->rt, now);
}

/* Out of its own rings. Each of them is the first now and then. */
static weft__task *take_own(weft__worker *me)
{
    weft__ring *order[] = {&me->ready, &me->spent, &me->fresh};
    if (me->turns % FRESH_EVERY == FRESH_EVERY / 2)
        order[0] = &me->spent, order[1] = &me->ready;
    else if (me->fresh_first || me->turns % FRESH_EVERY == 0)
        order[0] = &me->fresh, order[1] = &me->ready, order[2] = &me->spent;
    me->fresh_first = false;
    for (int i = 0; i < 3; i++) {
        weft__task *t = weft__ring_pop(order[i]);
        if (t)
            return t;
    }
    return NULL;
}

weft__task *weft__work_find(weft__worker *me)
{
    for (;;) {
        weft__task *t = me->carrying ? weft__strand_next(me) : NULL;
        if (t)
            return t;
        if (--me->until_look <= 0)
            look(me);
        if (++me->turns % INBOX_EVERY == 0)
            t = take_inbox(me);
        if (!t)
            t = take_own(me);
        if (!t) {
            weft__worker_flush(me);
            weft__search_begin(me);
            t = take_inbox(me);
            if (!t)
                t = take_own(me);
            if (!t)
                t = steal(me);
        }
        if (!t)
            return NULL;
        weft__search_end(me);
        if (t != &me->rt->strand.carrier)
            return t;
        me->carrying = true;
    }
}

/* What is read may be old, and is nothing but a hint: it lies in memory that stays (W4, K1). */
__attribute__((no_sanitize("thread"))) void weft__work_warm(weft__worker *me)
{
    enum { LINE = 64, FRAMES = 24, AHEAD = 3 };
    weft__ring *r = &me->ready;
    weft__task *t[AHEAD];
    uint32_t front = weft__ring_index(weft_atomic_load(&r->front, WEFT_RELAXED));
    if (weft_atomic_load(&r->back, WEFT_RELAXED) - front < AHEAD)
        return;
    for (uint32_t k = 0; k < AHEAD; k++)
        t[k] = weft_atomic_load(&r->slot[(front + k) % WEFT__RING_SLOTS], WEFT_RELAXED);
    __builtin_prefetch(t[2]);
    __builtin_prefetch((char *)t[2] + LINE);
    const weft__stack *s = t[1]->stack;
    if (s) {
        __builtin_prefetch(s);
        __builtin_prefetch((const char *)s + LINE);
    }
    s = t[0]->stack;
    const char *sp = s ? s->context.sp : NULL;
    for (int k = 0; sp && k < FRAMES; k++)
        __builtin_prefetch(sp + (size_t)k * LINE);
}

weft__task *weft__work_on_stack(weft__worker *me)
{
    weft__ring *rings[] = {&me->ready, &me->spent};
    look(me);
    weft__task *came = take_inbox(me);
    if (came)
        push(me, came);
    for (int i = 0; i < 2; i++)
        for (uint32_t n = weft__ring_length(rings[i]); n > 0; n--) {
            weft__task *t = weft__ring_pop(rings[i]);
            if (t && t->stack)
                return t;
            if (t)
                push(me, t); /* the loop's carrier */
        }
    return NULL;
}
