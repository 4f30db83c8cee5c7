#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "port/err.h"
#include "port/pipe.h"

enum { PLENTY = 256 * 1024, FIRST_CAP = 64 * 1024 };

static const char *const names[] = {"standard output", "standard error"};

static uint64_t key_of(const weft__sink *s)
{
    return weft__event_key(WEFT__EVENT_SINK, s->index);
}

void weft__sink_open(weft__sink *s, weft__poller *poller, int fd, int index)
{
    *s = (weft__sink){.poller = poller, .fd = fd, .index = index};
    s->patient = weft__poller_set(poller, fd, 0, key_of(s)) != WEFT_OK;
}

void weft__sink_free(weft__sink *s)
{
    if (!s->patient)
        weft__poller_unset(s->poller, s->fd);
    free(s->data);
    free(s->later);
    *s = (weft__sink){.fd = -1};
}

void weft__sink_fail(weft__sink *s, weft_err e)
{
    s->error = e;
    snprintf(s->why, sizeof s->why, "%s", weft_detail());
    s->start = s->len = s->later_len = 0;
    s->holder = NULL;
}

/* Room for `more` bytes. */
static bool make_room(weft__sink *s, size_t more)
{
    if (s->cap - s->len >= more)
        return true;
    if (s->start > 0) {
        memmove(s->data, s->data + s->start, s->len - s->start);
        s->len -= s->start;
        s->start = 0;
    }
    size_t cap = s->cap ? s->cap : FIRST_CAP;
    while (cap - s->len < more)
        cap *= 2;
    char *data = cap == s->cap ? s->data : realloc(s->data, cap);
    if (!data) {
        weft__sink_fail(s, weft__fail(WEFT_NOMEM, "no memory for %zu bytes of output", cap));
        return false;
    }
    s->data = data;
    s->cap = cap;
    return true;
}

void weft__sink_put(weft__sink *s, const void *bytes, size_t len)
{
    if (s->error != WEFT_OK || len == 0 || !make_room(s, len))
        return;
    memcpy(s->data + s->len, bytes, len);
    s->len += len;
    s->last = s->data[s->len - 1];
}

void weft__sink_say(weft__sink *s, const char *line)
{
    size_t len = strlen(line);
    if (s->error != WEFT_OK)
        return;
    if (s->holder) {
        char *later = realloc(s->later, s->later_len + len);
        if (!later)
            return;
        memcpy(later + s->later_len, line, len);
        s->later = later;
        s->later_len += len;
        return;
    }
    if (s->last != 0 && s->last != '\n') /* behind a progress bar */
        weft__sink_put(s, "\n", 1);
    weft__sink_put(s, line, len);
}

void weft__sink_release(weft__sink *s)
{
    s->holder = NULL;
    if (s->later_len > 0 && s->last != '\n')
        weft__sink_put(s, "\n", 1);
    weft__sink_put(s, s->later, s->later_len);
    s->later_len = 0;
}

static void watch(weft__sink *s, bool on)
{
    if (s->patient || s->watched == on)
        return;
    s->watched = on;
    if (weft__poller_set(s->poller, s->fd, on ? WEFT__POLL_OUT : 0, key_of(s)) != WEFT_OK)
        weft__sink_fail(s, WEFT_SYS);
}

void weft__sink_flush(weft__sink *s)
{
    while (s->start < s->len) {
        size_t put = 0;
        weft_err e = weft__fd_write_some(s->fd, names[s->index], s->data + s->start,
                                         s->len - s->start, s->patient, &put);
        s->start += put;
        if (e == WEFT_EMPTY) {
            watch(s, true);
            return;
        }
        if (e != WEFT_OK)
            weft__sink_fail(s, e);
    }
    s->start = s->len = 0;
    watch(s, false);
}

bool weft__sink_full(const weft__sink *s)
{
    return s->len - s->start >= PLENTY;
}

bool weft__sink_empty(const weft__sink *s)
{
    return s->start == s->len && s->later_len == 0;
}
