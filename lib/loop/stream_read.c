/* Reading so many bytes, or up to a mark: what was read too early is kept (S2 of loop/stream.h). */
#include <stdlib.h>
#include <string.h>

#include "loop/stream.h"
#include "port/err.h"

enum { FIRST_ROOM = 2048 };

static size_t kept(const weft_stream *s)
{
    return s->kept_to - s->kept_from;
}

/* Room for `more` bytes behind what is kept. */
static weft_err make_room(weft_stream *s, size_t more)
{
    if (s->kept_room - s->kept_to >= more)
        return WEFT_OK;
    if (s->kept_from > 0) {
        memmove(s->kept, s->kept + s->kept_from, kept(s));
        s->kept_to -= s->kept_from;
        s->kept_from = 0;
    }
    size_t room = s->kept_room ? s->kept_room : FIRST_ROOM;
    while (room - s->kept_to < more)
        room *= 2;
    if (room == s->kept_room)
        return WEFT_OK;
    char *larger = realloc(s->kept, room);
    if (!larger)
        return weft__fail(WEFT_NOMEM, "read: no memory for what has to be kept");
    s->kept = larger;
    s->kept_room = room;
    return WEFT_OK;
}

static void take(weft_stream *s, void *buf, size_t n)
{
    if (n > 0)
        memcpy(buf, s->kept + s->kept_from, n);
    s->kept_from += n;
    if (s->kept_from == s->kept_to)
        s->kept_from = s->kept_to = 0;
}

/* A read of `len` failed with `e` after `have` bytes, and nothing was kept: they come again. */
static weft_err give_back(weft_stream *s, const void *buf, size_t *have, weft_err e)
{
    if (make_room(s, *have) != WEFT_OK)
        return WEFT_NOMEM;
    memcpy(s->kept + s->kept_to, buf, *have);
    s->kept_to += *have;
    *have = 0;
    return e;
}

/* By who has entered. *have bytes were taken and are in `buf`. */
static weft_err fill(weft_stream *s, char *buf, size_t len, size_t *have, weft_deadline by)
{
    by = weft__handle_deadline(by);
    *have = kept(s) < len ? kept(s) : len;
    take(s, buf, *have);
    while (*have < len) {
        size_t n;
        weft_err e = weft__stream_take(s, buf + *have, len - *have, &n, by);
        if (e != WEFT_OK)
            return e == WEFT_CLOSED || *have == 0 ? e : give_back(s, buf, have, e);
        *have += n;
        if (*have < len && (e = weft__handle_stay(&s->h, "read", by)) != WEFT_OK)
            return give_back(s, buf, have, e);
    }
    return WEFT_OK;
}

weft_err weft_read_full(weft_stream *s, void *buf, size_t len, size_t *got, weft_deadline by)
{
    size_t have;
    weft_err e = weft__handle_enter(&s->h, WEFT__READING, "read");
    if (e != WEFT_OK)
        return e;
    e = fill(s, buf, len, &have, by);
    e = weft__stream_told(s, e, by);
    if (got && (e == WEFT_OK || e == WEFT_CLOSED || e == WEFT_NOMEM))
        *got = have;
    weft__handle_leave(&s->h, WEFT__READING);
    return e;
}

/* The length up to and with the first mark in what is kept, which has none before `from`; 0: none. */
static size_t find(const weft_stream *s, const char *mark, size_t n, size_t from)
{
    if (kept(s) < n)
        return 0;
    from = from > n - 1 ? from - (n - 1) : 0; /* a mark may have begun before it */
    const char *all = s->kept + s->kept_from, *at = memmem(all + from, kept(s) - from, mark, n);
    return at ? (size_t)(at - all) + n : 0;
}

/* Keep what comes, until there is a mark in it. */
static weft_err keep_until(weft_stream *s, const char *mark, size_t cap, size_t *len,
                           weft_deadline by)
{
    size_t n = strlen(mark), looked = 0;
    while ((*len = find(s, mark, n, looked)) == 0 && kept(s) < cap) {
        size_t got;
        looked = kept(s);
        weft_err e = make_room(s, FIRST_ROOM / 2);
        if (e == WEFT_OK)
            e = weft__stream_take(s, s->kept + s->kept_to, s->kept_room - s->kept_to, &got, by);
        if (e != WEFT_OK)
            return e;
        s->kept_to += got;
    }
    if (*len > 0 && *len <= cap)
        return WEFT_OK;
    return weft__fail(WEFT_TOOBIG,
                      "read: no mark in the first %zu bytes, which stay: give more room, or "
                      "take them by weft_read",
                      cap);
}

weft_err weft_read_until(weft_stream *s, const char *mark, void *buf, size_t cap, size_t *len,
                         weft_deadline by)
{
    size_t n;
    if (mark[0] == '\0')
        return weft__fail(WEFT_INVALID, "read: the mark is empty");
    weft_err e = weft__handle_enter(&s->h, WEFT__READING, "read");
    if (e != WEFT_OK)
        return e;
    e = keep_until(s, mark, cap, &n, by);
    if (e == WEFT_CLOSED)
        n = kept(s);
    if (e == WEFT_OK || e == WEFT_CLOSED) {
        take(s, buf, n);
        *len = n;
    }
    e = weft__stream_told(s, e, by);
    weft__handle_leave(&s->h, WEFT__READING);
    return e;
}
