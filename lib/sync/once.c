/* The word goes IDLE, RUNNING, DONE; back to IDLE after a run that failed with nobody waiting. QUEUED is
 * there beside RUNNING while somebody is in the queue, and changes under the guard only. DONE is set by a
 * compare-and-swap from RUNNING alone, after all that wait were taken out: the last access, since whoever
 * sees it may free the once (R13). */
#include "port/err.h"
#include "task/wait.h"
#include "weft/task.h"

_Static_assert(sizeof(weft_once) == 48, "as sync.h says");

enum { IDLE = 0, RUNNING = 1, DONE = 2, QUEUED = 4 };

void weft_once_init(weft_once *o, const char *name)
{
    *o = (weft_once)WEFT_ONCE_INIT(name);
}

/* Guard held. */
static void none_left(weft_once *o)
{
    weft_atomic_fetch_and(&o->word, ~(uint32_t)QUEUED, WEFT_RELAXED);
}

/* Guard held: one has left the queue in vain. */
static void left(weft_sync_head *q, void *once)
{
    if (!weft__wait_first(q))
        none_left((weft_once *)once);
}

static void done(weft_once *o)
{
    weft__guard *g = weft__sync_guard(&o->head);
    weft__wait *list = NULL, **end = &list;
    uint32_t v = RUNNING;
    /* pairs with weft_once_run_at: what the function wrote */
    while (!weft_atomic_cas(&o->word, &v, DONE, WEFT_RELEASE, WEFT_RELAXED)) {
        weft__guard_take(g);
        *end = weft__wait_take_all(&o->head);
        none_left(o);
        weft__guard_drop(g);
        while (*end)
            end = &(*end)->next;
        v = RUNNING;
    }
    weft__wait_let_all_go(list);
}

/* The run failed: the one that waited longest is next. */
static void pass_on(weft_once *o)
{
    weft__guard *g = weft__sync_guard(&o->head);
    weft__guard_take(g);
    weft__wait *first = weft__wait_first(&o->head);
    if (first) {
        weft__wait_take(&o->head, first);
        *(bool *)first->tag = true;
        o->runner = first->who;
        if (!weft__wait_first(&o->head))
            none_left(o);
    } else {
        o->runner = NULL;
        weft_atomic_store(&o->word, IDLE, WEFT_RELAXED); /* pairs with join, under the guard */
    }
    weft__guard_drop(g);
    if (first)
        weft__wait_let_go(first);
}

static weft_err run(weft_once *o, weft_err (*fn)(void *arg), void *arg)
{
    weft_err e = fn(arg);
    if (e == WEFT_OK)
        done(o);
    else
        pass_on(o);
    return e;
}

/* Guard held. True: `self` waits for the run that is under way. False: *word is DONE, or IDLE and the run
 * is its own. */
static bool join(weft_once *o, weft__waiter *self, uint32_t *word, const char *where)
{
    uint32_t v = IDLE;
    /* pairs with done, which finds somebody in the queue */
    while (!weft_atomic_cas(&o->word, &v, v == IDLE ? RUNNING : v | QUEUED, WEFT_ACQUIRE,
                            WEFT_ACQUIRE))
        if (v == DONE)
            break;
    *word = v;
    if (v == IDLE)
        o->runner = self;
    if (v == IDLE || v == DONE)
        return false;
    if (o->runner == self)
        weft__misuse(where, "once %s: run again by %s from within its function", o->head.name,
                     self->name);
    return true;
}

weft_err weft_once_run_at(weft_once *o, weft_err (*fn)(void *arg), void *arg, weft_deadline by,
                          const char *where)
{
    weft__waiter *self = weft__self();
    weft__guard *g = weft__sync_guard(&o->head);
    if (weft__cancelled(self))
        return WEFT_CANCELLED;
    uint32_t v = weft_atomic_load(&o->word, WEFT_ACQUIRE); /* pairs with done */
    if (v == DONE)
        return WEFT_OK;
    weft__guard_take(g);
    if (!join(o, self, &v, where)) {
        weft__guard_drop(g);
        return v == DONE ? WEFT_OK : run(o, fn, arg);
    }
    bool mine = false; /* whether it was let go to run it, not because it is done */
    weft_err e = weft__wait_in_or(&o->head, "once", &mine, 0, by, left, o);
    return e == WEFT_OK && mine ? run(o, fn, arg) : e;
}
