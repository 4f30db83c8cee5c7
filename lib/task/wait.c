/* States of a waiter:
 *   RUNNING   it runs, or is about to
 *   NOTIFIED  somebody let it go since it last looked
 *   PARKED    a thread sleeps on the word, or a task has left its stack
 * A waker exchanges in NOTIFIED; who finds PARKED there is the one that resumes. The resumed waiter
 * exchanges RUNNING back in, so it sees what every waker before it wrote: two wakers may come at
 * once, and only the first resumes. */
#include "task/wait.h"

#include "port/clock.h"
#include "port/err.h"
#include "task/worker.h"

enum { RUNNING, NOTIFIED, PARKED };

/* This thread's own waiter, and who runs on it now (NULL: the thread itself). */
static _Thread_local weft__waiter own = {.kind = WEFT__WAITER_THREAD, .name = "thread"};
static _Thread_local weft__waiter *current;

__attribute__((noinline)) weft__waiter *weft__self(void)
{
    __asm__ volatile(""); /* R1: no caller may keep the answer across a switch */
    return current ? current : &own;
}

__attribute__((noinline)) void weft__self_set(weft__waiter *w)
{
    __asm__ volatile("");
    current = w;
}

static void thread_park(weft__waiter *self, weft_deadline by)
{
    uint32_t running = RUNNING;
    /* pairs with weft__unpark */
    if (weft_atomic_cas(&self->state, &running, PARKED, WEFT_ACQ_REL, WEFT_ACQUIRE)) {
        while (weft_atomic_load(&self->state, WEFT_ACQUIRE) == PARKED)
            if (!weft__futex_wait(&self->state, PARKED, by.ns, false))
                break;
    }
    weft_atomic_exchange(&self->state, RUNNING, WEFT_ACQ_REL); /* pairs with weft__unpark */
}

static void task_park(weft__waiter *self, weft_deadline by)
{
    weft__task *t = weft__of(self, weft__task, waiter);
    /* pairs with weft__unpark */
    if (weft_atomic_load(&self->state, WEFT_ACQUIRE) == NOTIFIED) {
        weft_atomic_exchange(&self->state, RUNNING, WEFT_ACQ_REL);
        return;
    }
    if (by.ns != INT64_MAX) {
        t->timer.at = by.ns;
        t->timer.who = self;
        weft__timer_add_to(t->rt, &t->timer);
    }
    weft__worker_leave(t, WEFT__AFTER_PARK);
    if (by.ns != INT64_MAX)
        weft__timer_remove(weft__timers_of(t->rt), &t->timer);
}

void weft__park(weft__waiter *self, weft_deadline by)
{
    if (self->kind == WEFT__WAITER_TASK)
        task_park(self, by);
    else
        thread_park(self, by);
}

bool weft__parked(weft__task *t)
{
    uint32_t running = RUNNING;
    /* The task's stack is left and complete; pairs with weft__unpark, which hands it on. */
    return weft_atomic_cas(&t->waiter.state, &running, PARKED, WEFT_ACQ_REL, WEFT_ACQUIRE);
}

void weft__resuming(weft__task *t)
{
    weft_atomic_exchange(&t->waiter.state, RUNNING, WEFT_ACQ_REL); /* pairs with weft__unpark */
}

void weft__unpark(weft__waiter *w)
{
    weft__waiter_kind kind = w->kind;
    /* pairs with the exchanges above: what the waker wrote before */
    if (weft_atomic_exchange(&w->state, NOTIFIED, WEFT_ACQ_REL) != PARKED)
        return;
    if (kind == WEFT__WAITER_TASK)
        weft__task_ready(weft__of(w, weft__task, waiter));
    else
        weft__futex_wake(&w->state, 1, false);
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

static void dequeue(weft_sync_head *q, weft__wait *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        q->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        q->last = w->prev;
}

/* Say for what it was waited in vain. */
static weft_err in_vain(weft_err e, const weft__waiter *self, const char *what, const char *on)
{
    if (e == WEFT_LATE)
        return weft__fail(e, "%s %s: not before the deadline", what, on);
    return weft__fail(e, "%s %s: %s was cancelled", what, on, self->name);
}

/* Whether the wait must end without a grant. */
static weft_err given_up(weft__waiter *self, weft_deadline by)
{
    /* pairs with weft__cancel, which unparks after it */
    if (weft_atomic_load(&self->cancelled, WEFT_ACQUIRE))
        return WEFT_CANCELLED;
    if (by.ns != INT64_MAX && (by.ns == INT64_MIN || weft__clock_ns() >= by.ns))
        return WEFT_LATE;
    return WEFT_OK;
}

weft_err weft__wait_in(weft_sync_head *q, const char *what, void *tag, unsigned flags,
                       weft_deadline by)
{
    weft__waiter *self = weft__self();
    bool steady = flags & WEFT__WAIT_STEADY;
    if (steady)
        by = WEFT_FOREVER;
    weft_err e = steady ? WEFT_OK : given_up(self, by);
    if (e != WEFT_OK)
        return in_vain(e, self, what, q->name);
    weft__wait w = {.who = self, .tag = tag};
    enqueue(q, &w);
    self->what = what;
    self->on = q->name;
    for (;;) {
        weft__guard_drop(weft__sync_guard(q));
        weft__park(self, by);
        weft__guard_take(weft__sync_guard(q));
        if (w.granted)
            break;
        if (!steady && (e = given_up(self, by)) != WEFT_OK) {
            dequeue(q, &w);
            in_vain(e, self, what, q->name);
            break;
        }
    }
    self->what = self->on = NULL;
    return e;
}

weft__wait *weft__wait_first(weft_sync_head *q)
{
    return q->first;
}

void weft__wait_grant(weft_sync_head *q, weft__wait *w)
{
    dequeue(q, w);
    w->granted = true;
    weft__unpark(w->who); /* under the guard: W1 */
}

void weft__wait_grant_all(weft_sync_head *q)
{
    while (q->first)
        weft__wait_grant(q, q->first);
}

void weft__cancel(weft__waiter *w)
{
    weft_atomic_store(&w->cancelled, 1, WEFT_RELEASE); /* pairs with given_up */
    weft__unpark(w);
}

bool weft_cancelled(void)
{
    return weft_atomic_load(&weft__self()->cancelled, WEFT_ACQUIRE) != 0;
}

const char *weft_task_name(void)
{
    return weft__self()->name;
}
