/* Where the workers of this process run.
 *
 * Under `weft run` the launcher has planned it. Alone, the process has the CPUs that it was given;
 * its workers are bound one to each if there are as many as CPUs, and left where the system puts them
 * if there are fewer: a second program must not meet the first on CPU 0. Under mpirun or srun a mask
 * that is narrower than the machine is theirs and stays as it is; a full one is shared out by the
 * number on this host. */
#include <string.h>

#include "base/env.h"
#include "port/thread.h"
#include "rt/rt.h"
#include "topo/plan.h"

static weft_err wanted_threads(const weft_opts *opts, int64_t *threads)
{
    *threads = opts->threads;
    if (*threads < 0 || *threads > WEFT__WORKERS_MAX)
        return weft__fail(WEFT_INVALID, "%d workers: 1 to %d are allowed", opts->threads,
                          WEFT__WORKERS_MAX);
    if (*threads > 0)
        return WEFT_OK;
    return weft__env_int("WEFT_THREADS", 1, WEFT__WORKERS_MAX, threads);
}

/* The first of the planned CPUs, if there are enough for all workers. */
static void take_cpus(weft__layout *l, const weft__place_plan *p)
{
    l->bound = p->workers_bound && l->workers <= p->workers;
    for (int i = 0; l->bound && i < l->workers; i++)
        l->cpu[i] = p->worker_cpu[i];
}

static weft_err launched_layout(weft__layout *l, const weft__boot *b, int64_t threads)
{
    const weft__seg_rank *r = weft__seg_rank_of(&b->seg, b->rank);
    uint32_t planned = r->workers;
    if (planned < 1 || planned > WEFT__WORKERS_MAX)
        return weft__fail(WEFT_INVALID, "rank %d: the launcher's plan names %u workers", b->rank,
                          planned);
    l->workers = threads > 0 ? (int)threads : (int)planned;
    l->crowded = weft__seg_job_of(&b->seg)->crowded || l->workers > (int)planned;
    l->bound = r->workers_bound && l->workers <= (int)planned;
    for (int i = 0; l->bound && i < l->workers; i++)
        l->cpu[i] = r->worker_cpu[i];
    return WEFT_OK;
}

static weft_err planned_layout(weft__layout *l, const weft__boot *b, weft__machine *m,
                               int64_t threads)
{
    weft__plan plan;
    weft__plan_ask ask = {b->local_size, (int)threads, WEFT__BIND_CORE};
    weft_err e = weft__plan_make(m, &ask, &plan);
    if (e != WEFT_OK)
        return e;
    const weft__place_plan *p = &plan.place[b->local_rank];
    int cpus, cores, usable;
    weft__machine_count(m, &cpus, &cores, &usable);
    l->workers = p->workers;
    l->crowded = plan.crowded;
    bool all = b->local_size * l->workers >= cpus || b->local_size > 1;
    if (all)
        take_cpus(l, p);
    if (b->local_size > 1 && p->bound)
        e = weft__thread_bind(&p->cpus);
    weft__plan_free(&plan);
    return e;
}

/* The mask is mpirun's: workers by this rank's share of the host, no more than the mask has. */
static void masked_layout(weft__layout *l, const weft__boot *b, int64_t threads, int mask, int host)
{
    int share = host / b->local_size;
    if (share > mask)
        share = mask;
    if (share > WEFT__WORKERS_MAX)
        share = WEFT__WORKERS_MAX;
    l->workers = threads > 0 ? (int)threads : share > 0 ? share : 1;
    l->crowded = l->workers > mask || l->workers * b->local_size > host;
}

static weft_err own_layout(weft__layout *l, const weft__boot *b, int64_t threads)
{
    weft__cpuset mine;
    weft_err e = weft__thread_cpus(&mine);
    if (e != WEFT_OK)
        return e;
    int mask = weft__cpuset_count(&mine), host = weft__thread_cpus_online();
    if (b->masked && mask < host) {
        masked_layout(l, b, threads, mask, host);
        return WEFT_OK;
    }
    weft__machine *m;
    e = weft__machine_load(&m, NULL);
    if (e != WEFT_OK)
        return e;
    e = planned_layout(l, b, m, threads);
    weft__machine_free(&m);
    return e;
}

weft_err weft__layout_make(weft__layout *l, const weft__boot *b, const weft_opts *opts,
                           weft__log *log)
{
    memset(l, 0, sizeof *l);
    int64_t threads = 0;
    int bind = WEFT__BIND_CORE;
    weft_err e = wanted_threads(opts, &threads);
    if (e == WEFT_OK)
        e = weft__env_choice("WEFT_BIND", weft__bind_names, &bind);
    if (e != WEFT_OK)
        return e;
    if (b->launched) {
        /* The plan has taken WEFT_THREADS into account; the program's own wish still counts. */
        e = launched_layout(l, b, opts->threads);
    } else if (bind == WEFT__BIND_NONE) {
        weft__cpuset mine;
        e = weft__thread_cpus(&mine);
        if (e == WEFT_OK)
            masked_layout(l, b, threads, weft__cpuset_count(&mine), weft__thread_cpus_online());
    } else {
        e = own_layout(l, b, threads);
    }
    if (bind == WEFT__BIND_NONE)
        l->bound = false;
    if (e == WEFT_OK && l->crowded && !b->launched && b->local_rank == 0)
        weft__log_line(
            log, WEFT_LOG_WARN,
            "%d process%s x %d worker%s are more than the CPUs: bound to the set, not to "
            "cores",
            b->local_size, b->local_size == 1 ? "" : "es", l->workers, l->workers == 1 ? "" : "s");
    return e;
}
