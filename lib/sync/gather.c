/* Calls of which one may decide for all: the first that fails, ends or succeeds. */
#include "weft/gather.h"

#include "port/err.h"
#include "sync/call.h"
#include "weft/atomic.h"

/* When a call decides. */
typedef enum rule {
    AT_FAILURE, /* weft_gather */
    NEVER,      /* weft_gather_all */
    AT_END,     /* weft_first */
    AT_SUCCESS  /* weft_first_ok */
} rule;

/* Several calls; on the stack of who waits for them. */
typedef struct gathering {
    weft_scope scope;
    rule rule;
    /* The call that decided, or &given_up; set once by a compare and swap from NULL, and then perhaps once
     * from &given_up. Read when all ended. */
    WEFT_ATOMIC(weft_call *) decided;
    /* The first that failed, if that does not decide. */
    WEFT_ATOMIC(weft_call *) failed;
} gathering;

/* Who waits is late or cancelled, or could not start all: before any call decided. */
static weft_call given_up;

static bool decides(rule r, weft_err e)
{
    switch (r) {
    case AT_FAILURE:
        return e != WEFT_OK;
    case AT_END:
        return true;
    case AT_SUCCESS:
        return e == WEFT_OK;
    default:
        return false;
    }
}

/* Given up, what was cancelled decides nothing any more; but what had its effect all the same does, if one
 * call is enough. */
static bool decides_late(rule r, weft_err e)
{
    return (r == AT_END && e != WEFT_CANCELLED) || (r == AT_SUCCESS && e == WEFT_OK);
}

/* The scope joins its tasks before it reads `decided` and the calls, so these need no order of their own. */
static void judge(gathering *g, weft_call *c)
{
    weft_call *seen = NULL;
    if (c->result != WEFT_OK)
        (void)weft_atomic_cas(&g->failed, &seen, c, WEFT_RELAXED, WEFT_RELAXED);
    seen = NULL;
    if (!decides(g->rule, c->result))
        return;
    if (weft_atomic_cas(&g->decided, &seen, c, WEFT_RELAXED, WEFT_RELAXED))
        weft_scope_cancel(&g->scope);
    else if (seen == &given_up && decides_late(g->rule, c->result))
        (void)weft_atomic_cas(&g->decided, &seen, c, WEFT_RELAXED, WEFT_RELAXED);
}

static weft_err run(void *call)
{
    weft_call *c = call;
    weft__call_make(c);
    judge(c->of, c);
    return WEFT_OK;
}

/* Say why it gave up; what the calls said meanwhile is in them. */
static weft_err say(weft_err e, const char *name)
{
    if (e == WEFT_LATE)
        return weft__fail(e, "%s: calls still ran at the deadline, and were cancelled", name);
    if (e == WEFT_CANCELLED)
        return weft__fail(e, "%s: %s was cancelled", name, weft_task_name());
    return weft__fail(e, "%s: no memory or no stacks for all the calls", name);
}

/* Make all calls and wait for them; what is cancelled is waited for. Returns WEFT_OK, or why it gave up. */
static weft_err make(gathering *g, weft_place *place, weft_call *calls, size_t n, const char *name,
                     weft_deadline by)
{
    weft_scope_init(&g->scope, place, name);
    weft_err e = weft__call_all(&g->scope, calls, n, g, run);
    if (e == WEFT_OK)
        e = weft_scope_join(&g->scope, by);
    if (e != WEFT_OK) {
        weft_call *seen = NULL;
        (void)weft_atomic_cas(&g->decided, &seen, &given_up, WEFT_RELAXED, WEFT_RELAXED);
    }
    weft_scope_fini(&g->scope);
    return e;
}

static bool all_succeeded(const weft_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (calls[i].result != WEFT_OK)
            return false;
    return true;
}

/* With its detail. */
static weft_err result_of(const weft_call *c)
{
    return c->result == WEFT_OK ? WEFT_OK : weft__fail(c->result, "%s", c->why);
}

weft_err weft_gather(weft_place *place, weft_call *calls, size_t n, weft_deadline by)
{
    gathering g = {.rule = AT_FAILURE};
    place = weft__call_place(place);
    if (!place)
        return WEFT_INVALID;
    weft_err e = make(&g, place, calls, n, "gather", by);
    const weft_call *c = weft_atomic_load(&g.decided, WEFT_RELAXED); /* all have ended */
    if (c && c != &given_up)
        return result_of(c);
    return e == WEFT_OK || all_succeeded(calls, n) ? WEFT_OK : say(e, "gather");
}

/* Whether one was cancelled, or was not called. */
static bool any_cancelled(const weft_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (calls[i].result == WEFT_CANCELLED)
            return true;
    return false;
}

weft_err weft_gather_all(weft_place *place, weft_call *calls, size_t n, weft_deadline by)
{
    gathering g = {.rule = NEVER};
    place = weft__call_place(place);
    if (!place)
        return WEFT_INVALID;
    weft_err e = make(&g, place, calls, n, "gather_all", by);
    return e == WEFT_OK || !any_cancelled(calls, n) ? WEFT_OK : say(e, "gather_all");
}

/* Both weft_first and weft_first_ok. */
static weft_err first(rule r, weft_place *place, weft_call *calls, size_t n, size_t *which,
                      const char *name, weft_deadline by)
{
    gathering g = {.rule = r};
    size_t unknown;
    which = which ? which : &unknown;
    *which = n;
    place = weft__call_place(place);
    if (!place)
        return WEFT_INVALID;
    if (n == 0)
        return weft__fail(WEFT_INVALID, "%s: of no calls none is the first", name);
    weft_err e = make(&g, place, calls, n, name, by);
    weft_call *c = weft_atomic_load(&g.decided, WEFT_RELAXED); /* all have ended */
    if (c == &given_up)
        return say(e, name);
    if (!c)
        c = weft_atomic_load(&g.failed, WEFT_RELAXED);
    *which = (size_t)(c - calls);
    return result_of(c);
}

weft_err weft_first(weft_place *place, weft_call *calls, size_t n, size_t *which, weft_deadline by)
{
    return first(AT_END, place, calls, n, which, "first", by);
}

weft_err weft_first_ok(weft_place *place, weft_call *calls, size_t n, size_t *which,
                       weft_deadline by)
{
    return first(AT_SUCCESS, place, calls, n, which, "first_ok", by);
}

weft_err weft_within_named(weft_fn fn, void *arg, const char *name, weft_deadline by)
{
    weft_call call = {.fn = fn, .arg = arg, .name = name};
    return first(AT_END, NULL, &call, 1, NULL, "within", by);
}
