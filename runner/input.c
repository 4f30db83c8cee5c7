#include "input.h"

#include "event.h"
#include "port/clock.h"
#include "port/fd.h"
#include "port/pipe.h"
#include "port/tty.h"

static const int64_t recheck_ns = 200 * 1000000;

weft_err weft__input_open(weft__input *in, weft__poller *poller, int *rank0)
{
    in->poller = poller;
    in->feed = -1;
    in->recheck = INT64_MAX;
    in->start = in->len = 0;
    *rank0 = 0;
    if (!weft__tty_is(0))
        return WEFT_OK;
    weft_err e = weft__pipe_open(rank0, &in->feed);
    if (e == WEFT_OK)
        weft__input_pass(in);
    return e;
}

void weft__input_close(weft__input *in)
{
    if (in->feed < 0)
        return;
    weft__poller_unset(in->poller, 0);
    weft__poller_unset(in->poller, in->feed);
    weft__fd_close(in->feed);
    in->feed = -1;
    in->recheck = INT64_MAX;
}

/* Watch for what is needed next: something typed, or room in the pipe. */
static weft_err watch(const weft__input *in, bool typed, bool room)
{
    weft_err e = WEFT_OK;
    /* Not watched at all, rather than for nothing: what has hung up would tell so without end. */
    if (typed)
        e = weft__poller_set(in->poller, 0, WEFT__POLL_IN, weft__event_key(WEFT__EVENT_TYPED, 0));
    else
        weft__poller_unset(in->poller, 0);
    if (e == WEFT_OK && room)
        e = weft__poller_set(in->poller, in->feed, WEFT__POLL_OUT,
                             weft__event_key(WEFT__EVENT_FEED, 0));
    else
        weft__poller_unset(in->poller, in->feed);
    return e;
}

/* Write what waits. WEFT_EMPTY: the pipe has no room. */
static weft_err push(weft__input *in)
{
    while (in->start < in->len) {
        size_t put = 0;
        weft_err e = weft__fd_write_some(in->feed, "pipe", in->typed + in->start,
                                         in->len - in->start, false, &put);
        if (e != WEFT_OK)
            return e;
        in->start += put;
    }
    in->start = in->len = 0;
    return WEFT_OK;
}

void weft__input_pass(weft__input *in)
{
    if (in->feed < 0)
        return;
    weft_err e = push(in);
    in->recheck = INT64_MAX;
    if (e == WEFT_EMPTY) {
        e = watch(in, false, true);
    } else if (e == WEFT_OK && !weft__tty_foreground(0)) {
        in->recheck = weft__clock_ns() + recheck_ns;
        e = watch(in, false, false);
    } else if (e == WEFT_OK) {
        e = watch(in, true, false);
    }
    if (e != WEFT_OK)
        weft__input_close(in);
}

void weft__input_typed(weft__input *in)
{
    /* In the background reading would stop the launcher. */
    if (in->feed >= 0 && in->len == 0 && weft__tty_foreground(0) &&
        (weft__fd_read(0, in->typed, sizeof in->typed, &in->len) != WEFT_OK || in->len == 0)) {
        weft__input_close(in); /* end of input */
        return;
    }
    weft__input_pass(in);
}
