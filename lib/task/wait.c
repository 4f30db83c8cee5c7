#include "task/wait.h"

#include "port/clock.h"
#include "port/err.h"
#include "task/worker.h"

/* How long a task that cannot leave its stack keeps its worker at a time. */
static const int64_t stay_ns = 1000000;
/* Looks at one that leaves before its CPU may be needed for it to do so. */
enum { SETTLE_SPINS = 100 };

_Thread_local weft__waiter weft__waiter_of_thread
    __attribute__((tls_model("initial-exec"))) = {.kind = WEFT__WAITER_THREAD, .name = "thread"};

static void thread_park(weft__waiter *self, weft_deadline by)
{
    uint32_t seen = 0;
    /* pairs with tell() */
    if (!weft_atomic_cas(&self->state, &seen, WEFT__ASLEEP, WEFT_ACQ_REL, WEFT_ACQUIRE))
        return;
    while (weft_atomic_load(&self->state, WEFT_ACQUIRE) == WEFT__ASLEEP)
        if (!weft__futex_wait(&self->state, WEFT__ASLEEP, by.ns, false))
            break;
}

/* There is no stack with which the worker could go on. */
static weft_err stay(weft__waiter *self)
{
    (void)weft__futex_wait(&self->state, 0, weft__clock_ns() + stay_ns, false);
    return weft__fail(WEFT_NOMEM,
                      "task %s cannot wait: no stack is left for the next task; have fewer tasks "
                      "wait at a time, or raise the limit of stacks",
                      self->name);
}

weft_err weft__park(weft__waiter *self, weft_deadline by)
{
    if (self->kind != WEFT__WAITER_TASK) {
        thread_park(self, by);
        return WEFT_OK;
    }
    if (weft_atomic_load(&self->state, WEFT_ACQUIRE) != 0) /* pairs with tell() */
        return WEFT_OK;
    if (by.ns == INT64_MAX)
        return weft__task_leave(weft__of(self, weft__task, waiter)) ? WEFT_OK : stay(self);
    weft__timer timer = {.at = by.ns, .who = self};
    weft__timer_set(&timer);
    bool left = weft__task_leave(weft__of(self, weft__task, waiter));
    weft__timer_remove(timer.home, &timer);
    return left ? WEFT_OK : stay(self);
}

uint32_t weft__told(weft__waiter *self)
{
    if (weft_atomic_load(&self->state, WEFT_RELAXED) == 0)
        return 0;
    /* pairs with tell() */
    return weft_atomic_exchange(&self->state, 0, WEFT_ACQ_REL);
}

/* Sets `bit`; who finds nothing but PARKED or ASLEEP there is the one that makes `w` run again. How it
 * waits is asked of the word alone: `w` may move from the one sort to the other at any time before. */
static void tell(weft__waiter *w, uint32_t bit)
{
    /* Pairs with park and told: what was written before it. W2: the last access, unless `w` parked. */
    uint32_t seen = weft_atomic_fetch_or(&w->state, bit, WEFT_ACQ_REL);
    if (seen == WEFT__PARKED)
        weft__task_ready(weft__of(w, weft__task, waiter));
    else if (seen == WEFT__ASLEEP)
        weft__futex_wake(&w->state, 1, false);
}

void weft__unpark(weft__waiter *w)
{
    tell(w, WEFT__LOOK);
}

void weft__grant(weft__waiter *w)
{
    tell(w, WEFT__GRANTED);
}

/* Wait until weft__grant was called for `self`, which is certain to happen. */
static void await_grant(weft__waiter *self)
{
    while (!(weft__told(self) & WEFT__GRANTED))
        (void)weft__park(self, WEFT_FOREVER);
}

static void enqueue_first(weft_sync_head *q, weft__wait *w)
{
    w->prev = NULL;
    w->next = q->first;
    if (w->next)
        w->next->prev = w;
    else
        q->last = w;
    q->first = w;
}

static void enqueue(weft_sync_head *q, weft__wait *w)
{
    w->next = NULL;
    w->prev = q->last;
    if (w->prev)
        w->prev->next = w;
    else
        q->first = w;
    q->last = w;
}

/* Guard held. */
static void mark_taken(weft__wait *w)
{
    weft_atomic_fetch_or(&w->stage, WEFT__WAIT_TAKEN, WEFT_ACQ_REL); /* pairs with leave: W1 */
}

void weft__wait_take(weft_sync_head *q, weft__wait *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        q->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        q->last = w->prev;
    w->next = NULL;
    mark_taken(w);
}

weft__wait *weft__wait_take_all(weft_sync_head *q)
{
    weft__wait *list = q->first;
    for (weft__wait *w = list; w; w = w->next)
        mark_taken(w);
    q->first = q->last = NULL;
    return list;
}

/* Until `w`, if it was about to leave when it was taken out, is past the guard: W1. */
static void settle(const weft__wait *w)
{
    /* pairs with leave */
    for (int i = 0; weft_atomic_load(&w->stage, WEFT_ACQUIRE) & WEFT__WAIT_LEAVING; i++)
        i < SETTLE_SPINS ? weft__cpu_relax() : weft__cpu_yield();
}

static void grant_all(weft__wait *list)
{
    while (list) {
        weft__wait *next = list->next; /* before it is gone: R3 */
        weft__wait_let_go(list);
        list = next;
    }
}

void weft__wait_let_all_go(weft__wait *list)
{
    for (weft__wait *w = list; w; w = w->next)
        settle(w);
    grant_all(list);
}

void weft__wait_grant(weft_sync_head *q, weft__wait *w)
{
    weft__wait_take(q, w);
    weft__wait_let_go(w);
}

void weft__wait_grant_all(weft_sync_head *q)
{
    grant_all(weft__wait_take_all(q));
}

/* Whether the wait must end without a grant. */
static weft_err given_up(weft__waiter *self, weft_deadline by)
{
    if (weft__cancelled(self))
        return WEFT_CANCELLED;
    if (by.ns != INT64_MAX && (by.ns == INT64_MIN || weft__clock_ns() >= by.ns))
        return WEFT_LATE;
    return WEFT_OK;
}

weft_err weft__await(weft__waiter *self, const char *what, const char *on, bool steady,
                     weft_deadline by, bool (*leave)(void *arg), void *arg)
{
    weft_err e = WEFT_OK;
    if (!steady)
        weft__scope_list(self); /* from now on a cancellation reaches it */
    self->what = what;
    self->on = on;
    while (!(weft__told(self) & WEFT__GRANTED)) {
        if (e == WEFT_OK)
            e = given_up(self, by);
        if (e != WEFT_OK && !steady) {
            if (leave(arg)) {
                self->what = self->on = NULL;
                return e;
            }
            await_grant(self);
            break;
        }
        e = weft__park(self, steady ? WEFT_FOREVER : by);
    }
    self->what = self->on = NULL;
    return WEFT_OK;
}

/* Say for what it was waited in vain. */
static weft_err say(weft_err e, const weft__waiter *self, const char *what, const char *on)
{
    if (e == WEFT_NOMEM)
        return weft__fail_in(e, "%s %s", what, on);
    if (e == WEFT_LATE)
        return weft__fail(e, "%s %s: not before the deadline", what, on);
    return weft__fail(e, "%s %s: %s was cancelled", what, on, self->name);
}

/* What a waiter takes along to leave its queue. */
struct leaving {
    weft_sync_head *queue;
    weft__wait *entry;
    void (*in_vain)(weft_sync_head *q, void *arg);
    void *arg;
};

/* The deadline passed or the task was cancelled: leave the queue, if nobody took the entry out (W1). */
static bool leave(void *leaving)
{
    const struct leaving *l = (const struct leaving *)leaving;
    weft_sync_head *q = l->queue;
    weft__wait *w = l->entry;
    uint32_t stage = 0;
    /* pairs with mark_taken */
    if (!weft_atomic_cas(&w->stage, &stage, WEFT__WAIT_LEAVING, WEFT_ACQ_REL, WEFT_ACQUIRE))
        return false;
    weft__guard_take(weft__sync_guard(q));
    bool mine = !(weft_atomic_load(&w->stage, WEFT_RELAXED) & WEFT__WAIT_TAKEN);
    if (mine) {
        weft__wait_take(q, w);
        if (l->in_vain)
            l->in_vain(q, l->arg);
    }
    weft__guard_drop(weft__sync_guard(q));
    weft_atomic_fetch_and(&w->stage, ~(uint32_t)WEFT__WAIT_LEAVING, WEFT_ACQ_REL); /* settle */
    return mine;
}

weft_err weft__wait_in_or(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                          weft_deadline by, void (*in_vain)(weft_sync_head *q, void *arg),
                          void *arg)
{
    weft__waiter *self = weft__self();
    const char *on = q->name;
    weft__wait w = {.who = self, .tag = tag};
    struct leaving l = {q, &w, in_vain, arg};
    if (flags & WEFT__WAIT_FIRST)
        enqueue_first(q, &w);
    else
        enqueue(q, &w);
    weft__guard_drop(weft__sync_guard(q));
    weft_err e = weft__await(self, what, on, flags & WEFT__WAIT_STEADY, by, leave, &l);
    return e == WEFT_OK ? e : say(e, self, what, on);
}

weft_err weft__wait_in(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                       weft_deadline by)
{
    return weft__wait_in_or(q, what, tag, flags, by, NULL, NULL);
}
