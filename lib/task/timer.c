#include "task/timer.h"

#include <stddef.h>

void weft__timers_init(weft__timers *ts)
{
    *ts = (weft__timers){.root = NULL};
    weft_atomic_store(&ts->earliest, INT64_MAX, WEFT_RELAXED);
}

/* Both are roots; returns the earlier with the other as its first child. */
static weft__timer *meld(weft__timer *a, weft__timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->at < a->at) {
        weft__timer *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Meld a list of siblings into one root: in pairs from the front, then all of them from the back. */
static weft__timer *meld_siblings(weft__timer *first)
{
    weft__timer *pairs = NULL;
    while (first) {
        weft__timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    weft__timer *root = NULL;
    while (pairs) {
        weft__timer *next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void cut(weft__timers *ts, weft__timer *t)
{
    weft__timer *rest = meld_siblings(t->child);
    if (t == ts->root) {
        ts->root = rest;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        ts->root = meld(ts->root, rest);
    }
    t->child = t->next = t->prev = NULL;
    t->queued = false;
}

/* pairs with the sleeper in worker.c, who stored its deadline before it reads this */
static void publish(weft__timers *ts)
{
    weft_atomic_store(&ts->earliest, ts->root ? ts->root->at : INT64_MAX, WEFT_SEQ_CST);
}

bool weft__timer_add(weft__timers *ts, weft__timer *t)
{
    t->child = t->next = t->prev = NULL;
    weft__guard_take(&ts->guard);
    t->queued = true;
    ts->root = meld(ts->root, t);
    bool first = ts->root == t;
    if (first)
        publish(ts);
    weft__guard_drop(&ts->guard);
    return first;
}

void weft__timer_remove(weft__timers *ts, weft__timer *t)
{
    weft__guard_take(&ts->guard);
    if (t->queued) {
        bool first = t == ts->root;
        cut(ts, t);
        if (first)
            publish(ts);
    }
    weft__guard_drop(&ts->guard);
}

int weft__timers_expire(weft__timers *ts, int64_t now)
{
    int fired = 0;
    weft__guard_take(&ts->guard);
    while (ts->root && ts->root->at <= now) {
        weft__timer *t = ts->root;
        cut(ts, t);
        weft__unpark(t->who); /* under the guard: W1 */
        fired++;
    }
    if (fired > 0)
        publish(ts);
    weft__guard_drop(&ts->guard);
    return fired;
}
