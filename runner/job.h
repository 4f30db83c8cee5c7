/* job.h: the processes of a job, from their start to their end.
 *
 *     run.c        reads the options, plans, sets up
 *     ranks.c      starts the ranks
 *     supervise.c  waits for whatever happens, until all is over
 *     ending.c     how it ends: who died, what that means, whom to end
 */
#ifndef WEFT_RUNNER_JOB_H
#define WEFT_RUNNER_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "link/seg.h"
#include "output.h"
#include "port/poller.h"
#include "port/signals.h"
#include "port/spawn.h"
#include "port/spawn_guard.h"
#include "topo/plan.h"

/* What the job will come to, and why it is being ended, if it is. */
typedef struct weft__verdict {
    int crash;               /* the signal that killed the first rank that crashed; 0: none */
    int first;               /* the first exit code other than 0 */
    int own;                 /* a code for a failure of the launcher's own, 0: none */
    int forwarded;           /* the signal from outside that was passed on, 0: none */
    bool ending;             /* the ranks were told to end: SIGTERM */
    bool killing;            /* they were killed */
    bool unread;             /* nobody reads our output: SIGPIPE is no crash */
    int64_t end_at, kill_at; /* when to do the next of these; INT64_MAX: not */
} weft__verdict;

typedef struct weft__rank {
    weft__process process;
    bool running;
} weft__rank;

typedef struct weft__job {
    int ranks, started, running;
    const char *program; /* its path */
    char **argv;
    uint64_t descriptors; /* the soft limit for the ranks */
    weft__rank *rank;
    weft__plan plan;
    weft__seg seg;
    weft__spawn_guard guard;
    weft__poller poller;
    weft__signals signals;
    weft__input input;
    weft__output output;
    weft__verdict verdict;
} weft__job;

/* Start all ranks. On failure those that were started run. */
weft_err weft__ranks_start(weft__job *job);
/* Send a signal to the process groups of all that run. */
void weft__ranks_signal(const weft__job *job, int signal);

/* Wait until all is over. Returns the exit code. */
int weft__job_supervise(weft__job *job);

/* A rank's process has ended. */
void weft__ending_rank(weft__job *job, int rank);
/* INT, TERM ... came from outside. */
void weft__ending_signal(weft__job *job, int signal);
/* See whether the output can still be written. */
void weft__ending_output(weft__job *job);
/* The launcher itself failed: end with `code`. */
void weft__ending_own(weft__job *job, int code);
/* What is due by the clock. */
void weft__ending_due(weft__job *job);
int weft__ending_code(const weft__job *job);

#endif
