/* link/mpi.h: what the library wants of an MPI: to find out who is in the job, and to carry frames.
 * A plug-in (weft/mpi-openmpi.so) gives it. All calls before and after the link's life are made on
 * the thread that called weft_start.
 *
 * MPI is initialised at most once in the life of a process, and so is weft's communicator: a later
 * join uses them again. What join initialised is finalised when the process ends; a process that
 * ends between join and leave aborts the job. */
#ifndef WEFT_LINK_MPI_H
#define WEFT_LINK_MPI_H

#include "link/link.h"

/* Who is in the job, and the communicator of weft's own. */
typedef struct weft__mpi weft__mpi;

typedef struct weft__mpi_ops {
    /* Initialise MPI unless the program did (then its level must be MULTIPLE, or SERIALIZED with
     * `serialized`; else WEFT_INVALID names MPI_Init_thread), and duplicate the world. Collective:
     * WEFT_LATE if some rank does not come. */
    weft_err (*join)(weft__mpi **m, const weft__link_host *host, bool serialized, int *rank,
                     int *size);
    /* Collective: `each` bytes of every rank, in rank order, into `all`. WEFT_LATE if some rank does
     * not come; then there is nothing left but leave. */
    weft_err (*allgather)(weft__mpi *m, const void *mine, void *all, uint32_t each);
    /* The other ranks may go on, or have left too. `lost`: a peer died; aborts the job. */
    void (*leave)(weft__mpi **m, bool lost);
    /* How long the collective calls above wait for other ranks; 60 s unless set. */
    void (*patience)(int64_t ns);
} weft__mpi_ops;

#endif
