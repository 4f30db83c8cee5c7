/* Streams: reading and writing until it would have to wait, then waiting. */
#include "loop/stream.h"

#include <stdlib.h>
#include <string.h>

#include "loop/turn.h"
#include "port/address.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/poller.h"
#include "weft/io.h"

enum { KEEPALIVE_MOST = 32767 };

static weft_err make(weft *w, int fd, weft__fd_kind kind, weft_address peer, weft_stream **out)
{
    weft_stream *s = calloc(1, sizeof *s);
    if (!s)
        return weft__fail(WEFT_NOMEM, "stream: out of memory");
    weft_err e = weft__handle_open(&s->h, w, fd);
    if (e != WEFT_OK) {
        free(s);
        return e;
    }
    s->kind = kind;
    if (weft__address_is_named(&peer))
        s->peer = peer;
    *out = s;
    return WEFT_OK;
}

weft_err weft__stream_of(weft *w, int fd, weft__fd_kind kind, weft_address peer, weft_stream **out)
{
    weft_err e = make(w, fd, kind, peer, out);
    if (e != WEFT_OK)
        weft__fd_close(fd);
    return e;
}

static weft_err refuse_kind(int fd, weft__fd_kind kind)
{
    if (kind == WEFT__FD_NONE)
        return weft__fail(WEFT_INVALID, "stream: descriptor %d is not open", fd);
    if (kind == WEFT__FD_DATAGRAM)
        return weft__fail(WEFT_INVALID,
                          "stream: descriptor %d is a socket for datagrams; weft_datagram_open "
                          "makes those",
                          fd);
    return weft__fail(WEFT_INVALID,
                      "stream: descriptor %d is a file, which cannot be waited for; "
                      "weft_file_adopt makes a weft_file of it",
                      fd);
}

/* From now on the descriptor does not block, if that can be, here alone: others may share its opening. Standard
 * input at a terminal is standard output as well, which would lose what has no room, and the terminal of the next
 * program. Where it cannot be, as of another user's, it blocks again once the stream is closed. */
static weft_err unblock(weft_stream *s)
{
    int anew, fd = s->h.fd;
    if (!weft__fd_blocks(fd))
        return WEFT_OK;
    weft_err e = weft__fd_open_anew(fd, &anew);
    if (e == WEFT_OK)
        return weft__ready_replace(s->h.w, s->h.ready, fd, anew);
    if (e != WEFT_DENIED)
        return e;
    s->blocks = true;
    return weft__fd_nonblock(fd, true);
}

weft_err weft_stream_adopt(weft *w, weft_stream **out, int fd)
{
    weft__fd_kind kind = weft__fd_kind_of(fd);
    if (kind >= WEFT__FD_FILE)
        return refuse_kind(fd, kind);
    weft_stream *s = NULL;
    weft_address peer;
    bool blocked = weft__fd_blocks(fd);
    weft__socket_peer(fd, &peer); /* of a pipe: none */
    weft_err e = make(w, fd, kind, peer, &s);
    if (e != WEFT_OK)
        return e;
    e = unblock(s);
    if (e == WEFT_OK && fd > 2) /* those go on being what children inherit */
        e = weft__fd_cloexec(fd, true);
    if (e != WEFT_OK) {
        weft__ready_drop(w, s->h.ready, fd);
        if (blocked)
            (void)weft__fd_nonblock(fd, false);
        free(s);
        return e;
    }
    *out = s;
    return WEFT_OK;
}

/* Both descriptors, or neither. */
static weft_err two_of(weft *w, weft__fd_kind kind, const int fd[2], weft_stream *out[2])
{
    weft_err e = weft__stream_of(w, fd[0], kind, (weft_address){0}, &out[0]);
    if (e != WEFT_OK) {
        weft__fd_close(fd[1]);
        return e;
    }
    e = weft__stream_of(w, fd[1], kind, (weft_address){0}, &out[1]);
    if (e != WEFT_OK)
        weft_close(&out[0]);
    return e;
}

weft_err weft_stream_pair(weft *w, weft_stream *ends[2])
{
    int fd[2];
    weft_stream *two[2];
    weft_err e = weft__socket_pair(fd);
    if (e == WEFT_OK)
        e = two_of(w, WEFT__FD_LOCAL, fd, two);
    if (e == WEFT_OK)
        memcpy(ends, two, sizeof two);
    return e;
}

weft_err weft_pipe(weft *w, weft_stream **out, weft_stream **in)
{
    int fd[2];
    weft_stream *two[2];
    weft_err e = weft__socket_pipe(&fd[0], &fd[1]);
    if (e == WEFT_OK)
        e = two_of(w, WEFT__FD_PIPE, fd, two);
    if (e != WEFT_OK)
        return e;
    *out = two[0];
    *in = two[1];
    return WEFT_OK;
}

int weft_stream_fd(const weft_stream *s)
{
    return s->h.fd;
}

void weft_stream_peer(const weft_stream *s, weft_address *a)
{
    *a = s->peer;
}

void weft_stream_address(const weft_stream *s, weft_address *a)
{
    weft__socket_address(s->h.fd, a);
}

weft_err weft_stream_keepalive(weft_stream *s, int seconds)
{
    if (seconds < 0 || seconds > KEEPALIVE_MOST)
        return weft__fail(WEFT_INVALID, "keepalive: %d seconds; from 0, which is never, to %d",
                          seconds, KEEPALIVE_MOST);
    weft_err e = weft__handle_enter(&s->h, WEFT__SETTING, "keepalive");
    if (e != WEFT_OK)
        return e;
    if (s->kind == WEFT__FD_TCP)
        e = weft__socket_keepalive(s->h.fd, seconds);
    weft__handle_leave(&s->h, WEFT__SETTING);
    return e;
}

weft_err weft__stream_told(const weft_stream *s, weft_err e, weft_deadline by)
{
    char text[WEFT_ADDRESS_TEXT];
    bool polled = e == WEFT_LATE && by.ns == INT64_MIN; /* in a loop, and no news */
    if (e == WEFT_OK || polled || s->peer.len == 0)
        return e;
    return weft__fail_in(e, "%s", weft_address_text(&s->peer, text, sizeof text));
}

/* Until it is worth a try. WEFT_LATE: try once more, it may have come since the poller was asked. */
static weft_err await_readable(weft_stream *s, unsigned *seen, bool *waited, weft_deadline by)
{
    while ((*seen = weft__ready_take(s->h.ready, WEFT_READABLE)) == 0) {
        weft_err e = weft__handle_wait(&s->h, WEFT_READABLE, "read", "stream", by);
        if (e != WEFT_OK)
            return e;
        *waited = true;
    }
    return WEFT_OK;
}

/* There may be more after a read of `n` bytes that was to be of `cap`. */
static bool more_after(const weft_stream *s, unsigned seen, size_t n, size_t cap)
{
    return n == 0 || n == cap || s->kind != WEFT__FD_TCP || seen == 0 ||
           seen & (WEFT__POLL_END | WEFT__POLL_URGENT);
}

weft_err weft__stream_take(weft_stream *s, void *buf, size_t cap, size_t *got, weft_deadline by)
{
    for (bool waited = false;;) {
        unsigned seen;
        size_t n;
        weft_err late = await_readable(s, &seen, &waited, by);
        if (late != WEFT_OK && late != WEFT_LATE)
            return late;
        weft_err e = weft__stream_read(s->h.fd, s->kind, buf, cap, &n);
        if (e == WEFT_EMPTY && late == WEFT_LATE)
            return weft__fail(WEFT_LATE, "read: nothing came before the deadline");
        if (e == WEFT_EMPTY)
            continue;
        if (e != WEFT_OK || more_after(s, seen, n, cap))
            weft__ready_again(s->h.ready, seen | WEFT_READABLE);
        if (e != WEFT_OK)
            return e;
        if (n == 0)
            return weft__fail(WEFT_CLOSED, "read: the other end has ended");
        *got = n;
        if (waited)
            s->read_ahead = 0;
        else
            weft__no_wait(&s->read_ahead, n);
        return WEFT_OK;
    }
}

/* What is kept comes first: S2. */
static weft_err take_kept(weft_stream *s, void *buf, size_t cap, size_t *got)
{
    size_t n = s->kept_to - s->kept_from;
    n = n < cap ? n : cap;
    memcpy(buf, s->kept + s->kept_from, n);
    s->kept_from += n;
    *got = n;
    return WEFT_OK;
}

weft_err weft_read(weft_stream *s, void *buf, size_t cap, size_t *got, weft_deadline by)
{
    if (cap == 0)
        return weft__fail(WEFT_INVALID, "read: room for 0 bytes");
    weft_err e = weft__handle_enter(&s->h, WEFT__READING, "read");
    if (e != WEFT_OK)
        return e;
    e = s->kept_to > s->kept_from ? take_kept(s, buf, cap, got)
                                  : weft__stream_take(s, buf, cap, got, by);
    e = weft__stream_told(s, e, by);
    weft__handle_leave(&s->h, WEFT__READING);
    return e;
}

/* Writes some of it, at least a byte. */
static weft_err give(weft_stream *s, const weft_slice *v, int n, size_t *wrote, weft_deadline by)
{
    weft_err e = weft__stream_write(s->h.fd, s->kind, v, n, wrote);
    if (e != WEFT_EMPTY) {
        if (e == WEFT_OK)
            weft__no_wait(&s->written_ahead, *wrote);
        return e;
    }
    for (;;) {
        (void)weft__ready_take(s->h.ready, WEFT_WRITABLE); /* E2 of ready.c */
        e = weft__stream_write(s->h.fd, s->kind, v, n, wrote);
        if (e != WEFT_EMPTY)
            return e;
        e = weft__handle_wait(&s->h, WEFT_WRITABLE, "write", "stream", by);
        s->written_ahead = 0;
        if (e != WEFT_OK)
            return e;
    }
}

/* What is left of `*first`, of `n` slices behind it, once `wrote` more bytes are written. */
static void pass(weft_slice *first, const weft_slice **v, int *n, size_t wrote)
{
    while (wrote > 0) {
        size_t k = wrote < first->len ? wrote : first->len;
        first->at = (const char *)first->at + k;
        first->len -= k;
        wrote -= k;
        if (first->len > 0)
            return;
        ++*v;
        if (--*n > 0)
            *first = **v;
    }
}

static weft_err refuse_cut(void)
{
    return weft__fail(WEFT_INVALID, "write: an earlier message was written in part only: close the "
                                    "stream");
}

/* All of them, one at a time or together; *done bytes were written. */
static weft_err give_all(weft_stream *s, const weft_slice *v, int n, size_t *done, weft_deadline by)
{
    weft_err e = WEFT_OK;
    weft_slice first = n > 0 ? v[0] : (weft_slice){NULL, 0};
    if (n > 1) /* of one slice, the rest had no room */
        by = weft__handle_deadline(by);
    while (n > 0 && e == WEFT_OK) {
        size_t wrote = 0;
        if (first.len == 0) {
            v++;
            if (--n > 0)
                first = *v;
            continue;
        }
        /* The first may be a part of what the caller gave; those after it are whole. */
        bool whole = first.at == v->at;
        e = give(s, whole ? v : &first, whole ? n : 1, &wrote, by);
        *done += wrote;
        pass(&first, &v, &n, wrote);
        if (e == WEFT_OK && n > 0)
            e = weft__handle_stay(&s->h, "write", by);
    }
    return e;
}

weft_err weft_write_slices(weft_stream *s, const weft_slice *v, int n, weft_deadline by)
{
    size_t done = 0;
    weft_err e = weft__handle_enter(&s->h, WEFT__WRITING, "write");
    if (e != WEFT_OK)
        return e;
    e = s->cut ? refuse_cut() : give_all(s, v, n, &done, by);
    if (e != WEFT_OK && done > 0) {
        s->cut = true;
        e = weft__fail_in(e, "%zu bytes were written, then", done);
    }
    e = weft__stream_told(s, e, by);
    weft__handle_leave(&s->h, WEFT__WRITING);
    return e;
}

weft_err weft_write(weft_stream *s, const void *buf, size_t len, weft_deadline by)
{
    return weft_write_slices(s, &(weft_slice){buf, len}, 1, by);
}

weft_err weft_stream_end(weft_stream *s)
{
    weft_err e = weft__handle_enter(&s->h, WEFT__ENDING, "end");
    if (e != WEFT_OK)
        return e;
    e = weft__stream_told(s, weft__socket_end(s->h.fd), WEFT_FOREVER);
    weft__handle_leave(&s->h, WEFT__ENDING);
    return e;
}

void weft_stream_stop(weft_stream *s)
{
    weft__handle_stop(&s->h);
}

static void close_stream(weft_stream **s, bool breaks)
{
    weft_stream *own = *s;
    *s = NULL;
    if (!own)
        return;
    weft__handle_close(&own->h);
    if (own->blocks)
        (void)weft__fd_nonblock(own->h.fd, false);
    if (breaks && own->kind == WEFT__FD_TCP)
        weft__socket_break(own->h.fd);
    weft__fd_close(own->h.fd);
    free(own->kept);
    free(own);
}

void weft_close(weft_stream **s)
{
    close_stream(s, false);
}

void weft_stream_reset(weft_stream **s)
{
    close_stream(s, true);
}
