/* rt/rt.h: the pieces of starting and stopping. */
#ifndef WEFT_RT_RT_H
#define WEFT_RT_RT_H

#include "port/cpuset.h"
#include "task/worker.h"
#include "team/boot.h"

/* How many workers this process has, and where they run. */
typedef struct weft__layout {
    int workers;
    bool crowded; /* this host runs more workers than it has CPUs */
    bool bound;   /* worker i runs on cpu[i] */
    int cpu[WEFT__WORKERS_MAX];
} weft__layout;

/* Decide; restricts the calling thread (and so all that it starts) where the plan says so. */
weft_err weft__layout_make(weft__layout *l, const weft__boot *b, const weft_opts *opts,
                           weft__log *log);

/* Join the job and build everything, on the calling thread; no worker runs yet. */
weft_err weft__rt_open(weft **w, const weft_opts *opts);
/* The workers have stopped: deliver what was sent, until `by`, say goodbye, free all. */
weft_err weft__rt_close(weft **w, weft_deadline by);

#endif
