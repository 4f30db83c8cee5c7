/* task/side.h: the threads place: operating system threads for what really blocks, kept for a while
 * for the next. */
#ifndef WEFT_TASK_SIDE_H
#define WEFT_TASK_SIDE_H

#include "base/list.h"
#include "base/log.h"
#include "port/cpuset.h"
#include "port/futex.h"
#include "port/guard.h"
#include "weft/err.h"

/* What a side thread does. Lives in its creator's memory until run() was called. */
typedef struct weft__job {
    weft__list node;
    const struct weft__job_kind *kind;
} weft__job;

typedef struct weft__job_kind {
    void (*run)(weft__job *job);
    /* For who waits for its end: "look-up of", and the name; asked before run() is called. */
    const char *what;
    const char *(*on)(const weft__job *job);
} weft__job_kind;

typedef struct weft__side {
    weft__guard guard; /* protects all of it */
    weft__list jobs;   /* wait for a thread */
    weft__list idle;   /* threads that wait for a job, last in first out */
    weft__list busy;   /* threads that run one */
    uint32_t threads, most;
    bool stopping;
    weft__cpuset
        cpus; /* those of the process; whoever starts a thread may be bound to one of them */
    bool cpus_known;
    weft__futex gone; /* counts ended threads; weft__side_close sleeps on it */
} weft__side;

/* On a thread that may use all CPUs of the process. */
void weft__side_init(weft__side *s);
/* Nobody waits for a job any more. Waits for the threads to end; if one is in a job for longer than a second,
 * `log` says in which. */
void weft__side_close(weft__side *s, weft__log *log, int rank);
/* Have run() of the job called on a side thread. With as many threads as there may be, it waits its turn.
 * WEFT_NOMEM: no thread could be started, and none exists. */
weft_err weft__side_submit(weft__side *s, weft__job *job);

#endif
