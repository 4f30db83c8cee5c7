/* Where connections come in. */
#include <stdlib.h>

#include "loop/pause.h"
#include "loop/stream.h"
#include "loop/turn.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/socket_file.h"
#include "task/worker.h"
#include "weft/io.h"

enum { BACKLOG = 1024 };

struct weft_listener {
    weft__handle h;
    weft_address at;
    uint64_t node; /* of the file of a unix socket, which somebody may replace */
    bool said;     /* that there is no descriptor; of who accepts */
    size_t row;    /* loop/turn.h; of who accepts */
};

weft_err weft_listen(weft *w, weft_listener **out, const char *at, const weft_listen_opts *opts)
{
    weft_address a;
    int fd;
    weft_err e = weft_address_parse(&a, at);
    if (e != WEFT_OK)
        return weft__fail_in(e, "listen");
    weft_listener *l = calloc(1, sizeof *l);
    if (!l)
        return weft__fail(WEFT_NOMEM, "listen at %s: out of memory", at);
    e = weft__socket_listen(&a, opts && opts->backlog > 0 ? opts->backlog : BACKLOG,
                            opts && opts->share_port, &fd, &l->node);
    if (e != WEFT_OK)
        goto free_listener;
    e = weft__handle_open(&l->h, w, fd);
    if (e != WEFT_OK)
        goto close_socket;
    weft__socket_address(fd, &l->at);
    *out = l;
    return WEFT_OK;
close_socket:
    weft__socket_file_remove(&a, l->node);
    weft__fd_close(fd);
free_listener:
    free(l);
    return e;
}

void weft_listener_address(const weft_listener *l, weft_address *a)
{
    *a = l->at;
}

/* No descriptor was free: wait for a while, longer and longer. */
static weft_err hold_off(weft_listener *l, weft__pause *pause, weft_deadline by)
{
    if (!l->said)
        weft__log_line(&l->h.w->log, WEFT_LOG_WARN, "accept waits: %s", weft_detail());
    l->said = true;
    weft_deadline until;
    if (!weft__pause_next(pause, by, &until))
        return weft__fail(WEFT_LATE, "accept: no descriptor was free before the deadline");
    /* Shut, or late, or for another reason: the next try tells. */
    weft_err e = weft__handle_wait(&l->h, WEFT_WRITABLE, "accept", "a free descriptor", until);
    return e == WEFT_LATE ? WEFT_OK : e;
}

static weft_err nobody_came(const weft_listener *l, weft_deadline by)
{
    char text[WEFT_ADDRESS_TEXT];
    if (by.ns == INT64_MIN) /* in a loop, and no news */
        return weft__fail(WEFT_LATE, "accept: nobody is there");
    return weft__fail(WEFT_LATE, "accept at %s: nobody came before the deadline",
                      weft_address_text(&l->at, text, sizeof text));
}

static weft_err accept_next(weft_listener *l, int *fd, weft_address *peer, weft_deadline by)
{
    weft__pause pause = WEFT__PAUSE_INIT;
    for (;;) {
        weft_err late = WEFT_OK;
        while (late == WEFT_OK && weft__ready_take(l->h.ready, WEFT_READABLE) == 0)
            late = weft__handle_wait(&l->h, WEFT_READABLE, "accept", "listener", by);
        if (late != WEFT_OK && late != WEFT_LATE)
            return late;
        /* If it is late, once more: one may have come since the poller was asked. */
        weft_err e = weft__socket_accept(l->h.fd, fd, peer);
        if (e == WEFT_EMPTY && late == WEFT_LATE)
            return nobody_came(l, by);
        if (e == WEFT_EMPTY)
            continue;
        weft__ready_again(l->h.ready, WEFT_READABLE);
        if (e == WEFT_OK)
            l->said = false;
        if (e != WEFT_NOMEM)
            return e;
        (void)weft__ready_take(l->h.ready, WEFT_WRITABLE); /* a listener never is */
        e = hold_off(l, &pause, by);
        if (e != WEFT_OK)
            return e;
    }
}

weft_err weft_accept(weft_listener *l, weft_stream **s, weft_deadline by)
{
    int fd;
    weft_address peer;
    weft_err e = weft__handle_enter(&l->h, WEFT__READING, "accept");
    if (e != WEFT_OK)
        return e;
    e = accept_next(l, &fd, &peer, by);
    if (e == WEFT_OK)
        e = weft__stream_of(l->h.w, fd, weft__socket_kind(&peer), peer, s);
    if (e == WEFT_OK)
        weft__no_wait(&l->row, WEFT__TURN_ACCEPT);
    weft__handle_leave(&l->h, WEFT__READING);
    return e;
}

void weft_listener_stop(weft_listener *l)
{
    weft__handle_stop(&l->h);
}

void weft_listener_close(weft_listener **l)
{
    weft_listener *own = *l;
    *l = NULL;
    if (!own)
        return;
    weft__socket_file_remove(&own->at, own->node);
    weft__handle_close(&own->h);
    weft__fd_close(own->h.fd);
    free(own);
}
