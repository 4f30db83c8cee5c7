#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "port/clock.h"
#include "port/fd.h"

/* A long line holds the others up no longer than this without anything new. */
static const int64_t silence_ns = 200 * 1000000;
enum { LINE_MAX_BYTES = 64 * 1024, DRAIN_READS = 64 };

static uint64_t key_of(const weft__output *o, const weft__stream *s)
{
    return weft__event_key(WEFT__EVENT_STREAM, (int)(s - o->streams));
}

weft_err weft__output_open(weft__output *o, weft__poller *poller, int ranks, bool tag, bool returns)
{
    *o = (weft__output){.poller = poller, .ranks = ranks, .tag = tag};
    o->streams = calloc((size_t)ranks * 2, sizeof *o->streams);
    if (!o->streams)
        return weft__fail(WEFT_NOMEM, "no memory for the output of %d ranks", ranks);
    for (int i = 0; i < 2; i++)
        weft__sink_open(&o->sinks[i], poller, i + 1, i);
    for (int i = 0; i < ranks * 2; i++)
        o->streams[i] = (weft__stream){
            .sink = &o->sinks[i % 2], .fd = -1, .rank = i / 2, .returns = returns && i % 2 == 1};
    return WEFT_OK;
}

void weft__output_free(weft__output *o)
{
    if (!o->streams)
        return;
    for (int i = 0; i < o->ranks * 2; i++) {
        if (o->streams[i].fd >= 0)
            weft__fd_close(o->streams[i].fd);
        free(o->streams[i].tail);
    }
    free(o->streams);
    for (int i = 0; i < 2; i++)
        weft__sink_free(&o->sinks[i]);
    o->streams = NULL;
}

static weft_err stream_open(weft__output *o, weft__stream *s, int fd)
{
    s->fd = fd;
    o->open++;
    weft_err e = weft__fd_nonblock(fd, true);
    return e != WEFT_OK ? e : weft__poller_set(o->poller, fd, WEFT__POLL_IN, key_of(o, s));
}

weft_err weft__output_add(weft__output *o, int rank, int out, int err)
{
    weft_err e = stream_open(o, &o->streams[rank * 2], out);
    weft_err e2 = stream_open(o, &o->streams[rank * 2 + 1], err);
    return e != WEFT_OK ? e : e2;
}

static void stream_pause(weft__output *o, weft__stream *s)
{
    /* Once only: a stream that was hung up reports that even while it is paused. */
    if (!s->paused && weft__poller_set(o->poller, s->fd, 0, key_of(o, s)) == WEFT_OK)
        s->paused = true;
}

static bool must_wait(const weft__stream *s)
{
    const weft__sink *k = s->sink;
    return (k->holder && k->holder != s) || weft__sink_full(k);
}

/* Whoever waited for this sink and need no longer is read again. */
static void resume(weft__output *o, const weft__sink *sink)
{
    for (int i = 0; i < o->ranks * 2; i++) {
        weft__stream *s = &o->streams[i];
        if (s->sink == sink && s->paused && s->fd >= 0 && !must_wait(s) &&
            weft__poller_set(o->poller, s->fd, WEFT__POLL_IN, key_of(o, s)) == WEFT_OK)
            s->paused = false;
    }
}

static void stream_close(weft__output *o, weft__stream *s)
{
    weft__poller_unset(o->poller, s->fd);
    weft__fd_close(s->fd);
    s->fd = -1;
    s->len = 0;
    o->open--;
}

/* Nobody can see what these print: let their writers know, as they would without the launcher. */
static void close_streams_of(weft__output *o, const weft__sink *sink)
{
    for (int i = 0; i < o->ranks * 2; i++)
        if (o->streams[i].sink == sink && o->streams[i].fd >= 0)
            stream_close(o, &o->streams[i]);
}

static void flush(weft__output *o, weft__sink *sink)
{
    bool was_full = weft__sink_full(sink);
    weft__sink_flush(sink);
    if (sink->error != WEFT_OK)
        close_streams_of(o, sink);
    else if (was_full && !weft__sink_full(sink))
        resume(o, sink);
}

static void put_tag(const weft__output *o, const weft__stream *s)
{
    char tag[32];
    if (o->tag)
        weft__sink_put(s->sink, tag, (size_t)snprintf(tag, sizeof tag, "[%d] ", s->rank));
}

static const char *last_end(const weft__stream *s, const char *data, size_t len)
{
    const char *newline = memrchr(data, '\n', len);
    const char *ret = s->returns ? memrchr(data, '\r', len) : NULL;
    return !newline || (ret && ret > newline) ? ret : newline;
}

static const char *first_end(const weft__stream *s, const char *data, size_t len)
{
    const char *newline = memchr(data, '\n', len);
    const char *ret =
        s->returns ? memchr(data, '\r', newline ? (size_t)(newline - data) : len) : NULL;
    return ret ? ret : newline;
}

/* Pass the tail and then whole lines. */
static void pass_lines(weft__output *o, weft__stream *s, const char *data, size_t len)
{
    put_tag(o, s);
    weft__sink_put(s->sink, s->tail, s->len);
    s->len = 0;
    while (o->tag && len > 0) {
        const char *end = first_end(s, data, len);
        size_t n = end ? (size_t)(end - data) + 1 : len;
        weft__sink_put(s->sink, data, n);
        data += n;
        len -= n;
        if (len > 0)
            put_tag(o, s);
    }
    weft__sink_put(s->sink, data, len);
}

static void keep_tail(weft__stream *s, const char *data, size_t len)
{
    if (s->cap - s->len < len) {
        size_t cap = s->len + len < 512 ? 512 : (s->len + len) * 2;
        char *tail = realloc(s->tail, cap);
        if (!tail) {
            weft__sink_fail(s->sink,
                            weft__fail(WEFT_NOMEM, "no memory for a line of %zu bytes", cap));
            return;
        }
        s->tail = tail;
        s->cap = cap;
    }
    memcpy(s->tail + s->len, data, len);
    s->len += len;
}

static void feed(weft__output *o, weft__stream *s, const char *data, size_t len)
{
    if (s->sink->holder == s) {
        const char *end = first_end(s, data, len);
        size_t n = end ? (size_t)(end - data) + 1 : len;
        weft__sink_put(s->sink, data, n);
        s->sink->held = weft__clock_ns();
        if (!end)
            return;
        weft__sink_release(s->sink);
        resume(o, s->sink);
        data += n;
        len -= n;
    }
    const char *end = last_end(s, data, len);
    size_t n = end ? (size_t)(end - data) + 1 : 0;
    if (end)
        pass_lines(o, s, data, n);
    if (n < len)
        keep_tail(s, data + n, len - n);
    if (s->len > LINE_MAX_BYTES) {
        pass_lines(o, s, NULL, 0);
        s->sink->holder = s;
        s->sink->held = weft__clock_ns();
    }
}

/* The stream ended: a last line without an end is passed as it is. */
static void stream_end(weft__output *o, weft__stream *s)
{
    if (s->len > 0)
        pass_lines(o, s, NULL, 0);
    if (s->sink->holder == s) {
        weft__sink_release(s->sink);
        resume(o, s->sink);
    }
    stream_close(o, s);
    flush(o, s->sink);
}

/* Read once. False if there was nothing, or if it has to wait. */
static bool stream_read(weft__output *o, weft__stream *s)
{
    size_t got = 0;
    if (s->fd < 0)
        return false;
    if (must_wait(s)) {
        stream_pause(o, s);
        return false;
    }
    weft_err e = weft__fd_read(s->fd, o->scratch, sizeof o->scratch, &got);
    if (e == WEFT_EMPTY && !o->closing)
        return false;
    if (e != WEFT_OK || got == 0) {
        stream_end(o, s);
        return false;
    }
    feed(o, s, o->scratch, got);
    flush(o, s->sink);
    return true;
}

static int64_t break_at(const weft__output *o, const weft__sink *k)
{
    if (!k->holder || weft__sink_full(k))
        return INT64_MAX;
    for (int i = 0; i < o->ranks * 2; i++)
        if (o->streams[i].sink == k && o->streams[i].paused && o->streams[i].fd >= 0)
            return k->held + silence_ns;
    return INT64_MAX;
}

int64_t weft__output_due(const weft__output *o)
{
    int64_t out = break_at(o, &o->sinks[0]), err = break_at(o, &o->sinks[1]);
    return out < err ? out : err;
}

void weft__output_break(weft__output *o)
{
    for (int i = 0; i < 2; i++) {
        weft__sink *k = &o->sinks[i];
        if (break_at(o, k) > weft__clock_ns())
            continue;
        weft__sink_put(k, "\n", 1);
        weft__sink_release(k);
        resume(o, k);
        flush(o, k);
    }
}

void weft__output_stream(weft__output *o, int index)
{
    stream_read(o, &o->streams[index]);
}

void weft__output_sink(weft__output *o, int index)
{
    flush(o, &o->sinks[index]);
}

void weft__output_drain(weft__output *o, int rank)
{
    for (int i = 0; i < 2; i++)
        for (int reads = 0; reads < DRAIN_READS; reads++)
            if (!stream_read(o, &o->streams[rank * 2 + i]))
                break;
}

bool weft__output_finish(weft__output *o)
{
    o->closing = true;
    for (int i = 0; i < o->ranks * 2; i++)
        while (stream_read(o, &o->streams[i]))
            ;
    return o->open == 0 && weft__sink_empty(&o->sinks[0]) && weft__sink_empty(&o->sinks[1]);
}

weft_err weft__output_error(const weft__output *o, int *which)
{
    for (int i = 0; i < 2; i++)
        if (o->sinks[i].error != WEFT_OK) {
            *which = i;
            return o->sinks[i].error;
        }
    return WEFT_OK;
}

void weft__output_say(weft__output *o, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    strcat(line, "\n");
    weft__sink_say(&o->sinks[1], line);
    flush(o, &o->sinks[1]);
}
