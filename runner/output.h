/* output.h: what the ranks print, passed on by whole lines.
 *
 * Each rank has two streams, the read ends of its standard output and standard error, which lead to
 * the launcher's own. What is read is passed up to its last line end; what is behind that waits for
 * the rest of its line. A line that grows too long is passed in parts, and until it ends the other
 * streams of that sink wait; but not for one that is silent for a while: it may wait for them, and is
 * ended for it. A sink that takes nothing makes its streams wait, and so the ranks.
 */
#ifndef WEFT_RUNNER_OUTPUT_H
#define WEFT_RUNNER_OUTPUT_H

#include <stdbool.h>

#include "port/err.h"
#include "sink.h"

enum { WEFT__OUTPUT_READ = 64 * 1024 };

typedef struct weft__stream {
    weft__sink *sink;
    int fd; /* -1: closed */
    int rank;
    bool paused;
    bool returns; /* a carriage return ends a line as well: a progress bar */
    char *tail;   /* the beginning of a line that has not ended */
    size_t len, cap;
} weft__stream;

typedef struct weft__output {
    weft__poller *poller;
    weft__sink sinks[2];   /* standard output, standard error */
    weft__stream *streams; /* two for each rank */
    int ranks, open;
    bool tag;
    bool closing; /* all writers are gone: what is empty has ended */
    char scratch[WEFT__OUTPUT_READ];
} weft__output;

weft_err weft__output_open(weft__output *o, weft__poller *poller, int ranks, bool tag,
                           bool returns);
void weft__output_free(weft__output *o);

/* Take the read ends of a rank; they are closed on failure too. */
weft_err weft__output_add(weft__output *o, int rank, int out, int err);

/* A stream can be read, or a sink written. */
void weft__output_stream(weft__output *o, int index);
void weft__output_sink(weft__output *o, int index);

/* When a long line must be ended for the sake of those that wait, monotonic ns; INT64_MAX: none. */
int64_t weft__output_due(const weft__output *o);
/* End those whose time has come. */
void weft__output_break(weft__output *o);

/* Read what a rank that ended has left. */
void weft__output_drain(weft__output *o, int rank);
/* All ranks ended and whatever they started: read the rest. True once all is written. */
bool weft__output_finish(weft__output *o);

/* The first error that a sink met, WEFT_OK if none; *which: 0 standard output, 1 standard error. */
weft_err weft__output_error(const weft__output *o, int *which);

/* A line of the launcher's own on standard error. */
void weft__output_say(weft__output *o, const char *format, ...) WEFT__PRINTF(2, 3);

#endif
