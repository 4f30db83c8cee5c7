/* topo/plan.h: which process and which worker runs where.
 *
 *     weft__machine *m;
 *     e = weft__machine_load(&m, NULL);           // this machine, once
 *     e = weft__plan_make(m, &ask, &plan);        // ranks, threads, bind -> places
 *
 * Places are disjoint and inside the cpuset that the machine was loaded with, cores before second
 * hardware threads, neighbours together; with more workers than CPUs everybody gets the whole set
 * and plan.crowded says so. A machine may also be a synthetic string or an XML file.
 */
#ifndef WEFT_TOPO_PLAN_H
#define WEFT_TOPO_PLAN_H

#include <stdbool.h>

#include "port/cpuset.h"
#include "weft/err.h"

typedef struct weft__machine weft__machine;

typedef enum weft__bind {
    WEFT__BIND_CORE, /* each worker on a core of its own */
    WEFT__BIND_L3,   /* each process on a group of its own, its workers anywhere in it */
    WEFT__BIND_NUMA,
    WEFT__BIND_PACKAGE,
    WEFT__BIND_NONE /* nothing is bound */
} weft__bind;
/* "core", "l3", "numa", "package", "none", NULL: in the order of the enum. */
extern const char *const weft__bind_names[];

/* `source`: NULL for this machine (restricted to the CPUs that this process may use), else a synthetic
 * description as hwloc reads it, or the path of an XML file. */
weft_err weft__machine_load(weft__machine **m, const char *source);
void weft__machine_free(weft__machine **m);
/* How many CPUs (hardware threads) and cores may be used; a CPU quota (cgroup) lowers *usable. */
void weft__machine_count(const weft__machine *m, int *cpus, int *cores, int *usable);

/* Whether processes can be bound to its CPUs: it is the machine that this process runs on. */
bool weft__machine_real(const weft__machine *m);

/* Leave only those CPUs that are also in `cpus` (NULL: all), and believe in a quota of `quota` CPUs
 * (0: none). WEFT_INVALID: no CPU would be left; nothing was changed. */
weft_err weft__machine_restrict(weft__machine *m, const weft__cpuset *cpus, int quota);

/* A CPU of the machine. Parts are counted from 0 over the whole machine; -1: the machine has no such
 * part. */
typedef struct weft__cpu {
    int number; /* the operating system's */
    int package, numa, l3, core;
    int thread;  /* which hardware thread of its core it is */
    bool usable; /* by this process */
} weft__cpu;

/* All of them, neighbours together: the threads of a core, the cores of a cache, and so on. */
const weft__cpu *weft__machine_cpus(const weft__machine *m, int *count);

typedef struct weft__plan_ask {
    int ranks;   /* processes on this host, 1 or more */
    int threads; /* workers of each; 0: usable CPUs / ranks, at least 1, and with a group of its own
                    no more than the group has */
    weft__bind bind;
} weft__plan_ask;

/* Where one process runs. */
typedef struct weft__place_plan {
    weft__cpuset cpus;  /* the process, and its threads that are no workers */
    bool bound;         /* false: leave the mask alone */
    int workers;        /* how many */
    bool workers_bound; /* worker i is bound to CPU worker_cpu[i] */
    int *worker_cpu;    /* `workers` entries; owned by the plan */
} weft__place_plan;

typedef struct weft__plan {
    int ranks;
    bool crowded; /* more workers than CPUs, or than the quota allows: spinning makes no sense */
    bool shared;  /* more workers than CPUs: everybody is bound to the whole set */
    weft__place_plan *place; /* one for each rank */
} weft__plan;

/* WEFT_NOMEM, or WEFT_INVALID (nothing to place). */
weft_err weft__plan_make(const weft__machine *m, const weft__plan_ask *ask, weft__plan *plan);
void weft__plan_free(weft__plan *plan);

#endif
