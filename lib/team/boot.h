/* team/boot.h: finding out which job this process belongs to, and joining it.
 *
 * In this order: weft's own launcher (the variable WEFT_JOB names inherited descriptors, and is unset
 * once read); the marks of mpirun, of a Slurm step, of PMI with more than one process; else alone.
 * Marks without a way to join are an error that says how to fix it. WEFT_ALONE=1 overrides.
 *
 * A rank of weft's launcher joins its job once: a second start in the same process, or of another
 * program in the same place, is an error and never a copy that believes to be alone. */
#ifndef WEFT_TEAM_BOOT_H
#define WEFT_TEAM_BOOT_H

#include "base/log.h"
#include "link/link.h"
#include "link/mail.h"
#include "link/plugin.h"
#include "link/seg.h"
#include "weft/rt.h"

/* Must stay where it is from join to leave. */
typedef struct weft__boot {
    int rank, size;             /* in the job */
    int local_rank, local_size; /* among the job's processes on this host */
    bool launched;              /* by `weft run`: the segment has this rank's place */
    bool masked;                /* by mpirun or srun: keep the mask that it set, never widen it */
    bool have_seg;
    weft__seg seg;                  /* if have_seg */
    const weft__plugin *mpi_plugin; /* if joined through MPI */
    struct weft__mpi *mpi;
    weft__link_host mpi_host;  /* what the plug-in talks to outside of the link */
    const weft__link_ops *ops; /* of the backend; NULL: alone, no link */
    weft__mail *mail;          /* NULL: alone; serves nobody's kick until weft__mail_on_kick */
} weft__boot;

/* WEFT_JOB: "RANK:SEGMENT_FD:FIRST_BELL_FD", bells of all ranks in consecutive descriptors. */
#define WEFT__JOB_VARIABLE "WEFT_JOB"

/* Join the job. On return the link is open; every other rank has come too, except over the shm link,
 * where letters to a rank that is not there yet wait for it. Blocks the calling thread, at most
 * WEFT_JOIN_SECONDS (60). Errors as of weft_start; on failure nothing stays open. */
weft_err weft__boot_join(weft__boot *b, const weft_opts *opts, weft__log *log);
/* The rank that this process will have, from its environment alone: for messages before joining. */
int weft__boot_guess_rank(void);
/* Say goodbye and free all. Everything has been flushed, or will not be. `lost`: a peer died. */
void weft__boot_leave(weft__boot *b, bool lost);

#endif
