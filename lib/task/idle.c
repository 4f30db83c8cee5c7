/* Who sleeps, and who is woken: I1 to I3 of worker.h. */
#include "port/barrier.h"
#include "task/worker.h"

/* A worker looks for work this often before it sleeps, and pauses in between, since each look takes
 * cache lines away from those that work; about 20 us in all. */
enum { LOOKS = 16, PAUSES = 64 };

void weft__idle_init(weft__idle *i)
{
    *i = (weft__idle){.guard = WEFT_ATOMIC_INIT(0)};
    weft__list_init(&i->asleep);
    weft__list_init(&i->left);
    i->light = weft__barrier_prepare();
}

bool weft__any_work(weft *w)
{
    if (weft_atomic_load(&w->inbox.count, WEFT_SEQ_CST) != 0) /* pairs with weft__inbox_push */
        return true;
    for (int i = 0; i < w->workers; i++)
        if (weft__worker_has_any(&w->worker[i]))
            return true;
    return weft__fork_any(w) ||
           weft_atomic_load(&w->stopping, WEFT_SEQ_CST) != 0; /* pairs with weft__engine_halt */
}

/* Take `sleeper` out and wake it. Guard held. */
static void wake(weft *w, weft__worker *sleeper)
{
    weft__list_remove(&sleeper->asleep);
    weft_atomic_fetch_sub(&w->idle.sleepers, 1, WEFT_SEQ_CST);
    /* It counts as a searcher from now on, so that a burst of work wakes one, not one each. */
    sleeper->searching = true;
    weft_atomic_fetch_add(&w->idle.searching, 1, WEFT_SEQ_CST);
    weft_atomic_store(&sleeper->woken, 1, WEFT_RELEASE); /* pairs with sleep_on_word */
    if (sleeper->in_poller)
        weft__poller_ring(&w->poll.poller);
    else
        weft__futex_wake(&sleeper->woken, 1, false);
}

static void wake_first(weft *w)
{
    weft__guard_take(&w->idle.guard);
    weft__worker *chosen = NULL;
    weft__list_each (n, &w->idle.asleep) {
        weft__worker *s = weft__of(n, weft__worker, asleep);
        /* The one in the poller only if there is no other: it would have to pass the token on. */
        if (!chosen || chosen->in_poller)
            chosen = s;
    }
    if (chosen)
        wake(w, chosen);
    weft__guard_drop(&w->idle.guard);
}

void weft__wake_slow(weft *w)
{
    weft_atomic_fence(); /* I2: between the work that was made and this look */
    if (weft_atomic_load(&w->idle.searching, WEFT_SEQ_CST) == 0)
        wake_first(w);
}

void weft__wake_all(weft *w)
{
    weft__guard_take(&w->idle.guard);
    weft__list_each (n, &w->idle.asleep)
        wake(w, weft__of(n, weft__worker, asleep));
    weft__guard_drop(&w->idle.guard);
}

void weft__search_begin(weft__worker *me)
{
    if (me->searching)
        return;
    me->searching = true;
    weft_atomic_fetch_add(&me->rt->idle.searching, 1, WEFT_SEQ_CST);
}

void weft__search_end(weft__worker *me)
{
    if (!me->searching)
        return;
    me->searching = false;
    /* Whoever made work meanwhile counted on this searcher, and so did who gave up the token (I3): with
     * this worker off to run something, one that sleeps has to take it. */
    weft *w = me->rt;
    if (weft_atomic_fetch_sub(&w->idle.searching, 1, WEFT_SEQ_CST) == 1 &&
        (weft__any_work(w) || weft_atomic_load(&w->poll.token, WEFT_SEQ_CST) == 0))
        weft__pass_token(w);
}

static void enter(weft__worker *me)
{
    weft__idle *i = &me->rt->idle;
    weft__guard_take(&i->guard);
    weft__list_push_front(&i->asleep, &me->asleep);
    me->in_poller = false;
    weft_atomic_store(&me->woken, 0, WEFT_RELAXED);
    weft_atomic_fetch_add(&i->sleepers, 1, WEFT_SEQ_CST); /* I2, I3 */
    if (me->searching)
        weft_atomic_fetch_sub(&i->searching, 1, WEFT_SEQ_CST); /* I2: before it looks again */
    me->searching = false;
    weft__guard_drop(&i->guard);
}

/* Awake again: out of the list, unless a waker took it out, whose wake is then used up. */
static void leave(void *arg)
{
    weft__worker *me = arg;
    weft__idle *i = &me->rt->idle;
    weft__guard_take(&i->guard);
    if (!weft__list_empty(&me->asleep)) {
        weft__list_remove(&me->asleep);
        weft_atomic_fetch_sub(&i->sleepers, 1, WEFT_SEQ_CST);
    }
    weft__guard_drop(&i->guard);
}

/* Whether the holder may sleep in the poller; from here on it is woken there. */
static bool stay_in_poller(void *arg)
{
    weft__worker *me = arg;
    weft__guard_take(&me->rt->idle.guard);
    bool asleep = !weft__list_empty(&me->asleep);
    me->in_poller = asleep;
    weft__guard_drop(&me->rt->idle.guard);
    return asleep;
}

static void sleep_on_word(weft__worker *me)
{
    while (weft_atomic_load(&me->woken, WEFT_ACQUIRE) == 0) /* pairs with wake */
        weft__futex_wait(&me->woken, 0, INT64_MAX, false);
}

void weft__pass_token(weft *w)
{
    if (weft_atomic_load(&w->idle.sleepers, WEFT_SEQ_CST) != 0 &&
        weft_atomic_load(&w->idle.searching, WEFT_SEQ_CST) == 0)
        wake_first(w);
}

void weft__worker_sleep(weft__worker *me)
{
    weft *w = me->rt;
    me->until_look = 0; /* whatever it finds, it looks after the world first */
    /* Who is about to wait in the poller need not look around first: the poller looks. */
    bool polled = weft__poll_now(w);
    if (polled && weft__any_work(w))
        return;
    for (int i = 0; !w->crowded && !polled && i < LOOKS; i++) {
        if (weft__any_work(w) || weft__poll_pending(w))
            return;
        for (int k = 0; k < PAUSES; k++)
            weft__cpu_relax();
    }
    enter(me);
    weft__fork_ask_all(w); /* F4 */
    if (w->idle.light)
        weft__barrier_all();
    else
        weft_atomic_fence();
    if (weft__any_work(w)) {
        leave(me);
        return;
    }
    if (!weft__token_take(w)) {
        sleep_on_word(me);
        return;
    }
    weft__poll_sleep(w, INT64_MAX, stay_in_poller, leave, me);
    weft__token_drop(w);
    /* If this worker goes on to run something, one that sleeps has to take the token. If it comes
     * back here instead, it takes it itself. */
    if (weft__any_work(w))
        weft__pass_token(w);
}
