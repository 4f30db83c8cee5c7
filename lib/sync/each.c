/* Calls that come back as they end. Those that ended and were not given yet are in a list, in their order;
 * who waits for the next is in the queue of waiters, and then the list is empty. */
#include "port/err.h"
#include "sync/call.h"
#include "task/wait.h"

typedef struct each {
    weft_scope scope;
    weft_sync_head head; /* its guard protects the rest */
    weft_call *first, *last;
    size_t left; /* not given yet; of who waits */
} each;

_Static_assert(sizeof(each) <= sizeof(weft_each), "room of the public type");

/* It has ended: give it to the one that waits, or keep it. Its task is still the scope's, so `x` stays. */
static void ended(each *x, weft_call *c)
{
    weft__guard *g = weft__sync_guard(&x->head);
    weft__guard_take(g);
    if (x->last)
        x->last->next = c;
    else
        x->first = c;
    x->last = c;
    weft__wait *w = weft__wait_first(&x->head);
    if (w)
        weft__wait_grant(&x->head, w);
    weft__guard_drop(g);
}

static weft_err run(void *call)
{
    weft_call *c = call;
    weft__call_make(c);
    ended(c->of, c);
    return WEFT_OK;
}

weft_err weft_each_start(weft_each *e, weft_place *place, weft_call *calls, size_t n,
                         const char *name)
{
    each *x = (each *)(void *)e;
    place = weft__call_place(place);
    if (!place)
        return WEFT_INVALID;
    x->first = x->last = NULL;
    x->left = n;
    weft__sync_init(&x->head, name);
    weft_scope_init(&x->scope, place, name);
    weft_err err = weft__call_all(&x->scope, calls, n, x, run);
    if (err != WEFT_OK)
        weft_scope_fini(&x->scope);
    return err;
}

/* Guard held; there is one. */
static weft_call *take(each *x)
{
    weft_call *c = x->first;
    x->first = c->next;
    if (!x->first)
        x->last = NULL;
    x->left--;
    return c;
}

weft_err weft_each_next(weft_each *e, weft_call **call, weft_deadline by)
{
    each *x = (each *)(void *)e;
    weft_err err = WEFT_OK;
    if (x->left == 0)
        return weft__fail(WEFT_CLOSED, "each %s: all calls have ended and were given",
                          x->head.name);
    weft__guard *g = weft__sync_guard(&x->head);
    weft__guard_take(g);
    while (!x->first && err == WEFT_OK)
        err = weft__wait_held(&x->head, "call of", NULL, 0, by);
    if (x->first) {
        *call = take(x);
        err = WEFT_OK;
    }
    weft__guard_drop(g);
    return err;
}

void weft_each_fini(weft_each *e)
{
    weft_scope_fini(&((each *)(void *)e)->scope);
}
