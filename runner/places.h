/* places.h: the options about places that several verbs share, and what they come to. */
#ifndef WEFT_RUNNER_PLACES_H
#define WEFT_RUNNER_PLACES_H

#include <stdint.h>

#include "link/seg.h"
#include "topo/plan.h"

typedef struct weft__places {
    int64_t ranks, threads; /* 0: not given */
    int bind;               /* a weft__bind, or -1 */
} weft__places;

/* The names of the options, for the tables of the verbs. */
#define WEFT__PLACES_OPTIONS(p)                                                                    \
    {.name = "ranks",                                                                              \
     .letter = 'n',                                                                                \
     .kind = WEFT_OPT_INT,                                                                         \
     .out = &(p).ranks,                                                                            \
     .arg = "N",                                                                                   \
     .min = 1,                                                                                     \
     .max = WEFT__RANKS_MAX,                                                                       \
     .help = "how many processes (ranks)"},                                                        \
        {.name = "threads",                                                                        \
         .letter = 't',                                                                            \
         .kind = WEFT_OPT_INT,                                                                     \
         .out = &(p).threads,                                                                      \
         .arg = "T",                                                                               \
         .min = 1,                                                                                 \
         .max = WEFT__WORKERS_MAX,                                                                 \
         .help = "workers of each rank; default: WEFT_THREADS, else its share of the CPUs"},       \
    {                                                                                              \
        .name = "bind", .letter = 'b', .kind = WEFT_OPT_CHOICE, .out = &(p).bind,                  \
        .arg = "core|l3|numa|package|none", .choices = weft__bind_names,                           \
        .help = "what to bind to: a core for each worker, or a group of CPUs for each rank; "      \
                "default: WEFT_BIND, else core"                                                    \
    }

/* Fill in what was not given from the environment, load the machine (`source` as in
 * weft__machine_load) and plan. WEFT_INVALID and others as there. */
weft_err weft__places_plan(weft__places *p, const char *source, weft__machine **m,
                           weft__plan *plan);

#endif
