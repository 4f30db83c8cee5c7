/* The poll token: I3 and I4 of worker.h. */
#include "task/worker.h"

#include "port/clock.h"

/* How long a busy process may leave its descriptors alone. */
static const int64_t poll_every_ns = 200000;
/* How far the clock of a wheel may be behind. */
static const int64_t keep_every_ns = 500000000;
#define SOURCE_KEY (UINT64_MAX - 1)

weft_err weft__poll_open(weft__poll *p)
{
    weft__list_init(&p->sources);
    weft_atomic_store(&p->sleeps_until, INT64_MIN, WEFT_RELAXED);
    return weft__poller_open(&p->poller);
}

void weft__poll_close(weft__poll *p)
{
    weft__poller_close(&p->poller);
}

bool weft__token_take(weft *w)
{
    uint32_t nobody = 0;
    /* pairs with weft__token_drop: what the last holder left behind */
    return weft_atomic_load(&w->poll.token, WEFT_SEQ_CST) == 0 &&
           weft_atomic_cas(&w->poll.token, &nobody, 1, WEFT_SEQ_CST, WEFT_RELAXED);
}

void weft__token_drop(weft *w)
{
    weft_atomic_store(&w->poll.token, 0, WEFT_SEQ_CST); /* I3 */
}

/* Hand on what the poller said. Returns whether a source rang. */
static bool serve_events(weft *w, int n)
{
    const weft__poll_event *ev = w->poll.events;
    bool rang = false;
    for (int i = 0; i < n; i++)
        if (ev[i].key == SOURCE_KEY)
            rang = true;
        else if (w->poll.ready)
            w->poll.ready(w, ev[i].key, ev[i].what);
    return rang;
}

/* The earliest of all wheels. */
static int64_t next_timer(weft *w)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < w->workers; i++) {
        int64_t at = weft_atomic_load(&w->worker[i].timers.earliest, WEFT_SEQ_CST); /* timer.c */
        first = at < first ? at : first;
    }
    return first;
}

static void expire(weft *w, int64_t now)
{
    bool keep = now - w->poll.kept >= keep_every_ns;
    if (keep)
        w->poll.kept = now;
    for (int i = 0; i < w->workers; i++)
        if (keep || weft_atomic_load(&w->worker[i].timers.earliest, WEFT_RELAXED) <= now)
            weft__timers_expire(&w->worker[i].timers, now);
}

/* `rang`: a source rang or refused to be armed: what it has may be hidden from look(). */
static void serve_rest(weft *w, int64_t now, bool rang)
{
    expire(w, now);
    weft__list_each (n, &w->poll.sources) {
        weft__source *s = weft__of(n, weft__source, node);
        if (rang || s->look(s->ctx) || (s->due && s->due(s->ctx) <= now))
            s->serve(s->ctx);
    }
}

/* Sources are only added and removed while the workers stand still, so anybody may look. */
static bool source_pending(weft *w)
{
    weft__list_each (n, &w->poll.sources) {
        weft__source *s = weft__of(n, weft__source, node);
        if (s->look(s->ctx))
            return true;
    }
    return false;
}

bool weft__poll_pending(weft *w)
{
    return source_pending(w) || next_timer(w) <= weft__clock_ns();
}

static bool any_watched(weft *w)
{
    return weft_atomic_load(&w->poll.watched, WEFT_RELAXED) != 0;
}

/* One turn, as holder of the token. */
static void turn(weft *w, int64_t now, bool ask)
{
    struct weft__record *here = weft__here();
    void *detail =
        here->detail; /* the task that looks has nothing to do with what fails meanwhile */
    here->detail = &w->poll.detail;
    bool rang = false;
    if (ask) {
        w->poll.last = now;
        rang = serve_events(
            w, weft__poller_wait(&w->poll.poller, w->poll.events, WEFT__POLL_BATCH, INT64_MIN));
    }
    serve_rest(w, now, rang);
    (void)weft__stacks_trim(&w->stacks, now, true);
    here->detail = detail;
    weft__token_drop(w);
    weft__pass_token(w); /* I3: somebody may have wanted it for its sleep just now */
}

void weft__poll_turn(weft *w, int64_t now)
{
    if (weft__token_take(w))
        turn(w, now, any_watched(w) && now - w->poll.last >= poll_every_ns);
}

bool weft__poll_now(weft *w)
{
    if (!any_watched(w) || !weft__token_take(w))
        return false;
    turn(w, weft__clock_ns(), true);
    return true;
}

/* Arm all; false, with nothing armed, if one has something to do. */
static bool arm_sources(weft *w, int64_t *until)
{
    bool quiet = true;
    weft__list *last = w->poll.sources.next;
    for (; last != &w->poll.sources && quiet; last = last->next) {
        weft__source *s = weft__of(last, weft__source, node);
        quiet = s->arm(s->ctx);
        int64_t due = s->due ? s->due(s->ctx) : INT64_MAX;
        if (due < *until)
            *until = due;
    }
    for (weft__list *n = w->poll.sources.next; !quiet && n != last; n = n->next) {
        weft__source *s = weft__of(n, weft__source, node);
        s->disarm(s->ctx);
    }
    return quiet;
}

static void disarm_sources(weft *w)
{
    weft__list_each (n, &w->poll.sources) {
        weft__source *s = weft__of(n, weft__source, node);
        s->disarm(s->ctx);
    }
}

void weft__poll_sleep(weft *w, int64_t until, bool (*stay)(void *arg), void (*awake)(void *arg),
                      void *arg)
{
    int n = 0;
    /* I4: whoever publishes something from now on rings. */
    weft_atomic_exchange(&w->poll.sleeps_until, INT64_MAX, WEFT_SEQ_CST);
    int64_t timer = next_timer(w), trim = weft__stacks_due(&w->stacks);
    if (timer < until)
        until = timer;
    if (trim < until)
        until = trim;
    bool armed = arm_sources(w, &until);
    if (armed) {
        if (stay(arg))
            n = weft__poller_wait(&w->poll.poller, w->poll.events, WEFT__POLL_BATCH, until);
        disarm_sources(w);
    }
    w->poll.returns++;
    weft_atomic_exchange(&w->poll.sleeps_until, INT64_MIN, WEFT_SEQ_CST);
    awake(arg);
    int64_t now = weft__clock_ns();
    w->poll.last = now;
    bool rang = serve_events(w, n);
    serve_rest(w, now, rang || !armed);
    (void)weft__stacks_trim(&w->stacks, now, false);
}

void weft__poll_earlier(weft *w, int64_t at)
{
    /* I4: `at` was published before; pairs with weft__poll_sleep */
    if (at < weft_atomic_load(&w->poll.sleeps_until, WEFT_SEQ_CST))
        weft__poller_ring(&w->poll.poller);
}

void weft__timer_set(weft__timer *t)
{
    weft__worker *me = weft__worker_self();
    int64_t at = t->at;
    if (weft__timer_add(&me->timers, t))
        weft__poll_earlier(me->rt, at);
}

void weft__source_add(weft *w, weft__source *s)
{
    weft__list_push(&w->poll.sources, &s->node);
}

void weft__source_remove(weft *w, weft__source *s)
{
    (void)w;
    weft__list_remove(&s->node);
}

weft_err weft__source_watch(weft *w, weft__source *s, int fd)
{
    (void)s;
    weft_err e = weft__poller_set(&w->poll.poller, fd, WEFT__POLL_IN, SOURCE_KEY);
    if (e == WEFT_OK)
        weft_atomic_fetch_add(&w->poll.watched, 1, WEFT_RELAXED);
    return e;
}

void weft__source_kick(weft *w)
{
    weft__poll_earlier(w, INT64_MIN);
}
