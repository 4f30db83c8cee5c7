#include "team/marks.h"

#include <stddef.h>
#include <string.h>

#include "port/env.h"
#include "port/err.h"
#include "team/boot.h"

enum { DIGITS_MAX = 9 }; /* so that no number overflows */

/* A number of plain digits up to `end`, and nothing else. */
static bool read_number(const char **at, char end, int *out)
{
    int n = 0, digits = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9' && digits < DIGITS_MAX; p++, digits++)
        n = n * 10 + (*p - '0');
    if (digits == 0 || *p != end)
        return false;
    *at = end ? p + 1 : p;
    *out = n;
    return true;
}

weft_err weft__marks_job(weft__job_mark *m, bool *there)
{
    const char *value = weft__env_get(WEFT__JOB_VARIABLE), *p = value;
    *there = value != NULL;
    if (!value)
        return WEFT_OK;
    weft__job_mark read;
    if (!read_number(&p, ':', &read.rank) || !read_number(&p, ':', &read.seg_fd) ||
        !read_number(&p, 0, &read.first_bell) || read.rank >= WEFT__RANKS_MAX || read.seg_fd <= 2 ||
        read.first_bell <= 2)
        return weft__fail(WEFT_INVALID,
                          WEFT__JOB_VARIABLE "=%.60s is not what `weft run` sets: unset it, or set "
                                             "WEFT_ALONE=1 to run alone",
                          value);
    *m = read;
    return WEFT_OK;
}

typedef struct pair {
    const char *size, *rank;
} pair;

static const pair pairs[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {"PMI_SIZE", "PMI_RANK"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}, /* SLURM_NTASKS alone is an allocation, not a step */
};

static weft_err read_mark(const char *name, int *out)
{
    const char *value = weft__env_get(name), *p = value ? value : "";
    if (!read_number(&p, 0, out))
        return weft__fail(WEFT_INVALID,
                          "%s=%.60s, but a job's marks are numbers: start it with mpirun or weft "
                          "run, or set WEFT_ALONE=1 to run alone",
                          name, value ? value : "");
    return WEFT_OK;
}

weft_err weft__marks_mpi(weft__mpi_mark *m)
{
    *m = (weft__mpi_mark){0, 0, NULL};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *size = weft__env_get(pairs[i].size);
        if (!size || !*size)
            continue;
        weft__mpi_mark read = {0, 0, pairs[i].size};
        weft_err e = read_mark(pairs[i].size, &read.size);
        if (e == WEFT_OK && read.size > 1 && !weft__env_get(pairs[i].rank))
            e = weft__fail(
                WEFT_INVALID,
                "%s=%d says that this is one of %d processes, but %s does not say which: "
                "start it with mpirun or weft run, or set WEFT_ALONE=1 to run alone",
                pairs[i].size, read.size, read.size, pairs[i].rank);
        else if (e == WEFT_OK && read.size > 1)
            e = read_mark(pairs[i].rank, &read.rank);
        if (e == WEFT_OK && read.size > 1 && read.rank >= read.size)
            e = weft__fail(WEFT_INVALID, "%s=%d but %s=%d: a rank is less than the size",
                           pairs[i].rank, read.rank, pairs[i].size, read.size);
        if (e == WEFT_OK)
            *m = read;
        return e;
    }
    return WEFT_OK;
}

static bool any_set(const char *const *names)
{
    for (; *names; names++) {
        const char *value = weft__env_get(*names);
        if (value && *value)
            return true;
    }
    return false;
}

weft_err weft__marks_joinable(const weft__mpi_mark *m)
{
    static const char *const space[] = {"PMIX_NAMESPACE", NULL};
    static const char *const server[] = {
        "PMIX_SERVER_URI",  "PMIX_SERVER_URI2",  "PMIX_SERVER_URI21", "PMIX_SERVER_URI3",
        "PMIX_SERVER_URI4", "PMIX_SERVER_URI41", "PMIX_SERVER_URI5",  NULL};
    static const char *const descriptor[] = {"PMI_FD", NULL};
    if ((any_set(space) && any_set(server)) || any_set(descriptor))
        return WEFT_OK;
    return weft__fail(
        WEFT_INVALID,
        "%s=%d says that this is one of %d processes, but there is no mpirun to join "
        "(no PMIX_SERVER_URI in the environment): start it with mpirun or weft run, or "
        "set WEFT_ALONE=1 to run alone",
        m->variable, m->size, m->size);
}
