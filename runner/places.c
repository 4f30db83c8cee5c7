#include "places.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "port/env.h"
#include "port/err.h"

/* What is given in an option goes before the environment, in the ranks as well. */
static weft_err with_environment(weft__places *p)
{
    static char threads[32], bind[32];
    weft_err e = WEFT_OK;
    if (p->ranks == 0)
        return weft__fail(WEFT_INVALID, "-n is missing; a whole number from 1 to %d",
                          WEFT__RANKS_MAX);
    if (p->threads > 0) {
        snprintf(threads, sizeof threads, "WEFT_THREADS=%d", (int)p->threads);
        weft__env_set(threads);
    } else {
        e = weft__env_int("WEFT_THREADS", 1, WEFT__WORKERS_MAX, &p->threads);
    }
    if (p->bind >= 0) {
        snprintf(bind, sizeof bind, "WEFT_BIND=%s", weft__bind_names[p->bind]);
        weft__env_set(bind);
    } else if (e == WEFT_OK) {
        p->bind = WEFT__BIND_CORE;
        e = weft__env_choice("WEFT_BIND", weft__bind_names, &p->bind);
    }
    return e;
}

/* hwloc's plug-ins are for devices and for XML files. Without a file, looking for them takes longer
 * than all the rest; they are hidden for the while, unless the user said where they are. */
static weft_err load(weft__machine **m, const char *source)
{
    static char hidden[] = "HWLOC_PLUGINS_PATH=/";
    bool hide = !weft__env_get("HWLOC_PLUGINS_PATH") && (!source || strchr(source, ':'));
    if (hide)
        weft__env_set(hidden);
    weft_err e = weft__machine_load(m, source);
    if (hide)
        weft__env_unset("HWLOC_PLUGINS_PATH");
    return e;
}

weft_err weft__places_plan(weft__places *p, const char *source, weft__machine **m, weft__plan *plan)
{
    weft_err e = with_environment(p);
    if (e != WEFT_OK)
        return e;
    e = load(m, source);
    if (e != WEFT_OK)
        return e;
    weft__plan_ask ask = {
        .ranks = (int)p->ranks, .threads = (int)p->threads, .bind = (weft__bind)p->bind};
    /* hwloc was told of another machine (HWLOC_SYNTHETIC): nothing can be bound to its CPUs. */
    if (!source && !weft__machine_real(*m))
        ask.bind = WEFT__BIND_NONE;
    if (ask.threads == 0 && ask.ranks == 1) {
        int cpus, cores, usable;
        weft__machine_count(*m, &cpus, &cores, &usable);
        if (usable > WEFT__WORKERS_MAX)
            ask.threads = WEFT__WORKERS_MAX;
    }
    e = weft__plan_make(*m, &ask, plan);
    if (e != WEFT_OK)
        weft__machine_free(m);
    return e;
}
