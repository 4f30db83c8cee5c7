#include <string.h>

#include "port/err.h"
#include "task/wait.h"
#include "task/worker.h"
#include "weft/io.h"

/* A call that somebody waits for; lies on the waiter's stack. */
struct call {
    weft__job job;
    weft_fn fn;
    void *arg;
    const char *who;
    weft_sync_head done; /* its guard protects what follows */
    bool ended;
    weft_err result;
    weft__detail detail;
};

static void run(weft__job *job)
{
    struct call *c = weft__of(job, struct call, job);
    weft_err e = c->fn(c->arg);
    if (e != WEFT_OK)
        memcpy(&c->detail, weft_detail(), strlen(weft_detail()) + 1);
    weft__guard *g = weft__sync_guard(&c->done);
    weft__guard_take(g);
    c->ended = true;
    c->result = e;
    weft__wait_grant_all(&c->done);
    weft__guard_drop(g);
}

static const char *who_calls(const weft__job *job)
{
    return weft__of(job, struct call, job)->who;
}

static const weft__job_kind blocking = {run, "blocking call of", who_calls};

weft_err weft_blocking(weft *w, weft_fn fn, void *arg)
{
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "blocking call: %s was cancelled", weft_task_name());
    if (weft__self()->kind != WEFT__WAITER_TASK)
        return fn(arg);
    struct call c;
    c.job.kind = &blocking;
    c.who = weft_task_name();
    c.fn = fn;
    c.arg = arg;
    c.ended = false;
    c.result = WEFT_OK;
    weft__sync_init(&c.done, "blocking call");
    weft_err e = weft__side_submit(&w->side, &c.job);
    if (e != WEFT_OK)
        return weft__fail_in(e, "blocking call");
    weft__guard *g = weft__sync_guard(&c.done);
    weft__guard_take(g);
    while (!c.ended)
        (void)weft__wait_held(&c.done, "call", NULL, WEFT__WAIT_STEADY, WEFT_FOREVER);
    weft__guard_drop(g);
    return c.result == WEFT_OK ? WEFT_OK : weft__fail(c.result, "%s", c.detail.text);
}
