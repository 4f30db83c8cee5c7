#include <stdlib.h>

#include "loop/gate.h"
#include "port/catch.h"
#include "port/err.h"
#include "port/poller.h"
#include "weft/io.h"
#include "weft/signal.h"

struct weft_signals {
    weft__gate gate; /* of weft_signals_next */
    weft__catch caught;
};

weft_err weft_signals_open(weft *w, weft_signals **s, const int *numbers, int n)
{
    (void)w; /* signals are the process's */
    weft_signals *own = malloc(sizeof *own);
    if (!own)
        return weft__fail(WEFT_NOMEM, "waiting for signals: out of memory");
    weft__gate_init(&own->gate, "signals");
    weft_err e = weft__catch_open(&own->caught, numbers, n);
    if (e != WEFT_OK) {
        free(own);
        return e;
    }
    *s = own;
    return WEFT_OK;
}

static weft_err closed(void)
{
    return weft__fail(WEFT_CLOSED, "signals: stopped or closed by another task");
}

/* The caller is inside. */
static weft_err next(weft_signals *s, int *number, weft_deadline by)
{
    for (;;) {
        if (weft__gate_closed(&s->gate))
            return closed();
        int came = weft__catch_take(&s->caught);
        if (came != 0) {
            *number = came;
            return WEFT_OK;
        }
        weft_err e = weft_ready(s->caught.bell, WEFT_READABLE, by);
        if (e == WEFT_LATE)
            return weft__fail(e, "signals: none came before the deadline");
        if (e != WEFT_OK)
            return e;
        weft__bell_drain(s->caught.bell); /* before looking again: what comes later rings again */
    }
}

weft_err weft_signals_next(weft_signals *s, int *number, weft_deadline by)
{
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "signals: %s was cancelled", weft_task_name());
    weft_err e = weft__gate_enter(&s->gate);
    if (e == WEFT_INVALID)
        return weft__fail(e, "signals: somebody waits for the next already");
    if (e != WEFT_OK)
        return closed();
    e = next(s, number, by);
    weft__gate_leave(&s->gate);
    return e;
}

void weft_signals_stop(weft_signals *s)
{
    weft__gate_close(&s->gate);
    weft__bell_ring(s->caught.bell);
}

void weft_signals_close(weft_signals **s)
{
    weft_signals *own = *s;
    if (!own)
        return;
    *s = NULL;
    weft_signals_stop(own);
    weft__gate_await(&own->gate);
    weft__catch_close(&own->caught);
    free(own);
}
