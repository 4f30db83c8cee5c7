/* S1 of loop/stream.h. */
#include "loop/stream.h"
#include "port/clock.h"
#include "port/err.h"

weft_err weft__handle_open(weft__handle *h, weft *w, int fd)
{
    h->w = w;
    h->fd = fd;
    h->door = (weft__door){.closer = NULL};
    return weft__ready_adopt(w, fd, &h->ready);
}

weft_err weft__handle_enter(weft__handle *h, uint32_t as, const char *verb)
{
    if (as & (WEFT__READING | WEFT__WRITING) && weft_cancelled()) /* the others never wait */
        return weft__fail(WEFT_CANCELLED, "%s: %s was cancelled", verb, weft_task_name());
    weft_err e = weft__door_enter(&h->door, as);
    if (e == WEFT_OK)
        return WEFT_OK;
    return e == WEFT_CLOSED ? weft__fail(e, "%s: it was stopped or closed by another task", verb)
                            : weft__fail(e, "%s: somebody does so already; one at a time", verb);
}

static bool passed(weft_deadline by)
{
    return by.ns != INT64_MAX && weft__clock_ns() >= by.ns;
}

weft_deadline weft__handle_deadline(weft_deadline by)
{
    return by.ns != INT64_MIN && passed(by) ? WEFT_NOW : by;
}

weft_err weft__handle_stay(weft__handle *h, const char *verb, weft_deadline by)
{
    if (weft__door_stopped(&h->door))
        return weft__fail(WEFT_CLOSED, "%s: closed meanwhile by another task", verb);
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "%s: %s was cancelled", verb, weft_task_name());
    /* WEFT_NOW polls: what can be had at once is had. */
    if (by.ns != INT64_MIN && passed(by))
        return weft__fail(WEFT_LATE, "%s: not all of it before the deadline", verb);
    return WEFT_OK;
}

void weft__handle_leave(weft__handle *h, uint32_t as)
{
    weft__door_leave(&h->door, as);
}

weft_err weft__handle_wait(weft__handle *h, unsigned what, const char *verb, const char *name,
                           weft_deadline by)
{
    weft_err e = weft__ready_wait(h->ready, what, verb, name, by);
    return e == WEFT_CLOSED ? weft__fail(e, "%s %s: closed meanwhile by another task", verb, name)
                            : e;
}

void weft__handle_stop(weft__handle *h)
{
    weft__door_stop(&h->door);
    weft__ready_shut(h->ready);
}

void weft__handle_close(weft__handle *h)
{
    weft__handle_stop(h);
    weft__door_close(&h->door, "stream");
    weft__ready_drop(h->w, h->ready, h->fd);
}
