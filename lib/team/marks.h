/* team/marks.h: what the environment says about the job that this process was started in, and by whom. */
#ifndef WEFT_TEAM_MARKS_H
#define WEFT_TEAM_MARKS_H

#include <stdbool.h>

#include "weft/err.h"

/* WEFT_JOB: this rank's number and its inherited descriptors. */
typedef struct weft__job_mark {
    int rank, seg_fd, first_bell;
} weft__job_mark;

/* The marks of mpirun, a Slurm step or another PMI. */
typedef struct weft__mpi_mark {
    int rank, size;       /* size 1 or less: no job */
    const char *variable; /* the one that says the size */
} weft__mpi_mark;

/* Read WEFT_JOB. *there: whether it is set; WEFT_INVALID if it is not what the launcher writes. */
weft_err weft__marks_job(weft__job_mark *m, bool *there);

/* Read the marks of others: the first of Open MPI, PMI and Slurm that is there is believed. A Slurm
 * allocation without a step is no job. WEFT_INVALID: marks that cannot be. */
weft_err weft__marks_mpi(weft__mpi_mark *m);

/* Whether whoever set the marks left a way to join: initialising MPI without one would make this
 * process a job of its own, or abort it. WEFT_INVALID with a detail that says what to do. */
weft_err weft__marks_joinable(const weft__mpi_mark *m);

#endif
