/* input.h: standard input for rank 0.
 *
 * What is no terminal is simply inherited. A terminal gives its input only to the process group in
 * its foreground, which is the launcher's: it reads, while it is in the foreground, and passes on
 * through a pipe.
 */
#ifndef WEFT_RUNNER_INPUT_H
#define WEFT_RUNNER_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/poller.h"

typedef struct weft__input {
    weft__poller *poller;
    int feed;          /* the writing end of the pipe; -1: nothing (more) is passed on */
    int64_t recheck;   /* when to see whether the foreground is ours again; INT64_MAX: it is */
    size_t start, len; /* of what waits in `typed` */
    char typed[4096];
} weft__input;

/* *rank0: the descriptor that rank 0 gets as its input; the caller closes it after the start if it
 * is not 0. */
weft_err weft__input_open(weft__input *in, weft__poller *poller, int *rank0);
/* Rank 0 reads no more. */
void weft__input_close(weft__input *in);

/* The terminal has something. */
void weft__input_typed(weft__input *in);
/* The pipe has room, or `recheck` has come. */
void weft__input_pass(weft__input *in);

#endif
