/* Fork-join: the slow ways of weft/fork.h, and who takes children. */
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "port/err.h"
#include "task/worker.h"

enum { SLOTS = 8192 };
/* How often a joiner looks whether its child is done before it parks; about 1 us. */
enum { SPINS = 30 };

static weft__stack *stack_of(weft__forks *f)
{
    return weft__of(f, weft__stack, forks);
}

/* Share the oldest `n`. Then the quick ways are open again, unless somebody still wants something. F4 */
static void share(weft__forks *f, uint32_t n, bool wanted)
{
    weft *w = stack_of(f)->rt;
    if (n > 0)
        weft__forks_share(f, n);
    weft__forks_open(f);
    weft_atomic_fence(); /* F4, I2 */
    if (n > 0)
        weft__wake_one(w);
    if (wanted || weft_atomic_load(&w->idle.sleepers, WEFT_RELAXED) != 0)
        weft_atomic_store(&f->here.limit, NULL, WEFT_RELAXED);
}

/* What others have asked for: the older half of what is private. */
void weft__fork_serve(weft__forks *f)
{
    weft *w = stack_of(f)->rt;
    bool wanted = weft_atomic_load(&f->asked, WEFT_RELAXED) != 0 ||
                  weft_atomic_load(&w->idle.sleepers, WEFT_RELAXED) != 0;
    uint32_t n = wanted ? (weft__forks_private(f) + 1) / 2 : 0;
    share(f, n, wanted && n == 0);
}

void weft__fork_publish(weft__forks *f)
{
    share(f, weft__forks_private(f), false);
}

/* Whether the children of who runs here are for others. */
bool weft__fork_parallel(weft__stack *s)
{
    return s->worker &&
           weft__of((weft__waiter *)s->forks.here.me, weft__task, waiter)->place->kind ==
               WEFT__POOL;
}

void weft__fork_all_joined(weft__stack *s, const weft__task *t)
{
    if (!weft__forks_none(&s->forks))
        weft__misuse(t->where,
                     "task %s, started here, or a child of it, ended with forks that it "
                     "did not join",
                     t->waiter.name);
}

/* Between two looks, in ticks and in time: long enough to cost nothing, and so short that nobody who waits
 * for the world waits for long behind one who computes. */
enum { TICKS = 1024 };
/* Links are served on the stack of who looks. */
enum { ROOM = 32 * 1024 };
static const int64_t tick_soon_ns = 20000, tick_late_ns = 100000;

void weft__tick_slow(struct weft__record *h)
{
    weft__forks *f = (weft__forks *)(void *)h;
    weft__stack *s = stack_of(f);
    weft__worker *me = h->me ? s->worker : NULL;
    h->ticks = TICKS;
    if (!me)
        return;
    if ((char *)&me - s->low < ROOM) { /* too deep to look from here */
        me->until_look = 0;
        weft__yield_now(s);
        return;
    }
    int64_t now = weft__clock_ns(), took = now - f->ticked;
    f->ticked = now;
    if (took > tick_late_ns)
        f->tick_every /= 2;
    else if (took < tick_soon_ns && f->tick_every < TICKS)
        f->tick_every = 2 * f->tick_every + 1;
    h->ticks = f->tick_every;
    /* Those that go on have a turn; of those that have not begun only who has just come, since each that
     * begins takes a stack. */
    uint32_t fresh = weft__ring_length(&me->fresh);
    weft__poll_turn(me->rt, now);
    if (weft__ring_length(&me->ready) > 0 || weft__ring_length(&me->fresh) > fresh ||
        weft_atomic_load(&me->rt->inbox.count, WEFT_RELAXED) != 0)
        weft__yield_now(s);
}

static bool attach(weft__forks *f)
{
    if (!f->slots) {
        f->slots = malloc(SLOTS * sizeof *f->slots);
        if (!f->slots)
            return false;
        f->end = f->slots + SLOTS;
        f->here.head = f->slots;
    }
    return true;
}

void weft__fork_slow(struct weft__record *h, uintptr_t child)
{
    weft__forks *f = (weft__forks *)(void *)h;
    if (!h->me)
        return;
    if (!weft__fork_parallel(stack_of(f)) || !attach(f) || h->head == f->end) {
        f->loose++;
        return;
    }
    weft_atomic_store(h->head, child, WEFT_RELAXED);
    h->head++;
    weft__fork_serve(f);
}

/* Also once it is done. */
static bool holds(weft__slot *at, uintptr_t child)
{
    return WEFT__SLOT_CHILD(weft_atomic_load(at, WEFT_RELAXED)) == child;
}

/* Usually the topmost or, if joined in the order of the forks, the lowest. */
static weft__slot *find(weft__forks *f, uintptr_t child)
{
    weft__slot *low = f->slots, *high = f->here.head;
    while (low < high) {
        if (holds(--high, child))
            return high;
        if (holds(low, child))
            return low;
        low++;
    }
    return NULL;
}

/* The child of slot `at` is joined, or about to be run by its parent. */
static void forget(weft__forks *f, weft__slot *at)
{
    weft_atomic_store(at, WEFT__SLOT_NONE, WEFT_RELAXED);
    f->holes++;
    while (f->here.head > f->slots &&
           weft_atomic_load(f->here.head - 1, WEFT_RELAXED) == WEFT__SLOT_NONE) {
        weft__forks_drop(f);
        f->holes--;
    }
}

/* Until the thief has told its end at `at`. F3 */
static void await_child(weft__slot *at, uintptr_t child)
{
    weft__waiter *self = weft__self();
    for (int i = 0; i < SPINS; i++) {
        if (weft_atomic_load(at, WEFT_ACQUIRE) != child) /* pairs with weft__fork_run */
            return;
        weft__cpu_relax();
    }
    /* pairs with weft__fork_run */
    if (!weft_atomic_cas(at, &child, child | WEFT__SLOT_WAITED, WEFT_ACQ_REL, WEFT_ACQUIRE))
        return;
    self->what = "fork";
    self->on = self->name;
    bool relayed = !weft__scope_relays(self);
    while (!(weft__told(self) & WEFT__GRANTED)) {
        if (!relayed)
            relayed = weft__scope_relay(self);
        weft__park(self, WEFT_FOREVER);
    }
    self->what = self->on = NULL;
}

bool weft__join_slow(struct weft__record *h, uintptr_t child, const char *where)
{
    weft__forks *f = (weft__forks *)(void *)h;
    if (!h->me)
        return true;
    weft__slot *at = find(f, child);
    if (!at) {
        if (f->loose == 0)
            weft__misuse(where, "join of a child that task %s did not fork", weft_task_name());
        f->loose--;
        weft__tick(h);
        return true;
    }
    bool mine = weft__forks_reclaim(f, (uint32_t)(at - f->slots));
    if (!mine)
        await_child(at, child);
    forget(f, at);
    weft__fork_serve(f);
    weft__tick(h);
    return mine;
}

weft_err weft__join_taken(weft_child *c)
{
    weft_err e = (weft_err)c->in.value;
    if (!c->detail)
        return e;
    weft__fail(e, "%s", c->detail);
    free(c->detail);
    return e;
}

static bool steal_from(weft__stack *victim, weft__stolen *out)
{
    out->child = weft__forks_steal(&victim->forks, &out->slot);
    if (out->child == 0)
        return false;
    out->parent = weft__of((weft__waiter *)victim->forks.here.me, weft__task, waiter);
    out->nth = (uint32_t)(out->slot - victim->forks.slots);
    return true;
}

bool weft__fork_steal_left(weft *w, weft__stolen *out)
{
    bool found = false;
    if (weft_atomic_load(&w->idle.lefts, WEFT_ACQUIRE) == 0) /* a guess */
        return false;
    weft__guard_take(&w->idle.guard);
    while (!found && !weft__list_empty(&w->idle.left)) {
        weft__stack *s = weft__of(w->idle.left.next, weft__stack, left);
        found = steal_from(s, out);
        if (!weft__forks_shared(&s->forks)) {
            weft__list_remove(&s->left);
            weft_atomic_fetch_sub(&w->idle.lefts, 1, WEFT_RELAXED);
        }
    }
    weft__guard_drop(&w->idle.guard);
    return found;
}

bool weft__fork_steal(weft__worker *me, weft__stolen *out)
{
    weft *w = me->rt;
    if (weft__fork_steal_left(w, out))
        return true;
    for (int k = 1; k < w->steal_span; k++) {
        int i = me->index ^ k;
        /* pairs with go() and turn() in worker.c */
        weft__stack *s =
            i < w->workers ? weft_atomic_load(&w->worker[i].stack, WEFT_ACQUIRE) : NULL;
        if (!s)
            continue;
        if (steal_from(s, out))
            return true;
        weft__forks_ask(&s->forks);
    }
    return false;
}

/* As who a child runs: a task of its own, under its parent. */
static weft__task *guest(weft__stack *s, const weft__stolen *taken)
{
    weft__task *g = &s->guest, *parent = taken->parent;
    g->waiter.kind = WEFT__WAITER_TASK;
    g->waiter.listed = 0;
    weft_atomic_store(&g->waiter.shields, 0, WEFT_RELAXED);
    g->waiter.name = parent->waiter.name;
    g->where = parent->where;
    g->host = parent;
    g->nth = taken->nth;
    g->place = &s->rt->pool;
    g->bodies = 0;
    g->stack = s;
    return g;
}

static void call(weft_child *c, uintptr_t child, weft__stack *s)
{
    if (child & WEFT__CHILD_VALUE) {
        c->in.value = c->fn.value(c->in.value);
        return;
    }
    weft_err e = c->fn.task(c->in.arg);
    c->in.value = e;
    c->detail = e != WEFT_OK && s->detail.text[0] ? strdup(s->detail.text) : NULL;
}

void weft__fork_run(weft__stack *s, const weft__stolen *taken)
{
    weft_child *c = (weft_child *)(taken->child & ~(uintptr_t)WEFT__CHILD_VALUE);
    weft__task *g = guest(s, taken);
    weft__forks_shut(&s->forks);
    s->detail.text[0] = '\0';
    s->forks.here.me = &g->waiter;
    weft__worker_beat(s->worker, g->waiter.name);
    call(c, taken->child, s);
    weft__worker_beat(s->worker, NULL);
    weft__fork_all_joined(s, g);
    weft__scope_unlist(g);
    s->forks.here.me = &s->worker->waiter;
    /* F3; pairs with await_child */
    uintptr_t seen =
        weft_atomic_exchange(taken->slot, taken->child | WEFT__SLOT_DONE, WEFT_ACQ_REL);
    if (seen & WEFT__SLOT_WAITED)
        weft__grant(&taken->parent->waiter);
}

bool weft__fork_any(weft *w)
{
    if (weft_atomic_load(&w->idle.lefts, WEFT_SEQ_CST) != 0) /* pairs with weft__fork_leave */
        return true;
    for (int i = 0; i < w->workers; i++) {
        weft__stack *s = weft_atomic_load(&w->worker[i].stack, WEFT_ACQUIRE);
        if (s && weft__forks_shared(&s->forks))
            return true;
    }
    return false;
}

void weft__fork_ask_all(weft *w)
{
    for (int i = 0; i < w->workers; i++) {
        weft__stack *s = weft_atomic_load(&w->worker[i].stack, WEFT_ACQUIRE);
        if (s)
            weft__forks_ask(&s->forks);
    }
}

void weft__fork_leave(weft__stack *s)
{
    weft *w = s->rt;
    if (s->forks.here.head == s->forks.slots)
        return;
    uint32_t n = weft__forks_private(&s->forks);
    if (n > 0)
        weft__forks_share(&s->forks, n);
    weft__forks_shut(&s->forks);
    if (!weft__forks_shared(&s->forks))
        return;
    s->listed = true;
    weft__guard_take(&w->idle.guard);
    weft__list_push(&w->idle.left, &s->left);
    weft_atomic_fetch_add(&w->idle.lefts, 1, WEFT_SEQ_CST); /* I2 */
    weft__guard_drop(&w->idle.guard);
    weft__wake_one(w);
}

void weft__fork_back(weft__stack *s)
{
    weft *w = s->rt;
    s->listed = false;
    weft__guard_take(&w->idle.guard);
    if (!weft__list_empty(&s->left)) {
        weft__list_remove(&s->left);
        weft_atomic_fetch_sub(&w->idle.lefts, 1, WEFT_RELAXED);
    }
    weft__guard_drop(&w->idle.guard);
}
