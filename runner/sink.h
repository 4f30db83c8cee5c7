/* sink.h: a standard descriptor of the launcher, to which many write by whole lines. */
#ifndef WEFT_RUNNER_SINK_H
#define WEFT_RUNNER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/poller.h"

typedef struct weft__sink {
    weft__poller *poller;
    int fd;
    int index;      /* in the keys of events */
    bool patient;   /* a file: writing never blocks for long, and there is no waiting for it */
    bool watched;   /* for room */
    weft_err error; /* WEFT_CLOSED: nobody reads any more; another: what writing said, once and for
                       all */
    char why[256];  /* the detail of `error` */
    char *data;     /* [start, len) waits to be written; room for `cap` */
    size_t start, len, cap;
    char last;    /* the byte put last, 0 before the first */
    void *holder; /* whose long line is being passed, in parts; NULL: none */
    int64_t held; /* when its last part came, monotonic ns */
    char *later;  /* what the launcher has to say once that line ended */
    size_t later_len;
} weft__sink;

void weft__sink_open(weft__sink *s, weft__poller *poller, int fd, int index);
void weft__sink_free(weft__sink *s);

/* Put bytes behind those that wait. */
void weft__sink_put(weft__sink *s, const void *bytes, size_t len);
/* Put a line of the launcher's own between the lines of others. */
void weft__sink_say(weft__sink *s, const char *line);
/* The long line has ended. */
void weft__sink_release(weft__sink *s);

/* Nothing more can be written, `e` says why: what waits is dropped. */
void weft__sink_fail(weft__sink *s, weft_err e);

/* Write what goes at once; the rest when the poller tells of room. */
void weft__sink_flush(weft__sink *s);
/* So much waits that nobody should put more. */
bool weft__sink_full(const weft__sink *s);
bool weft__sink_empty(const weft__sink *s);

#endif
