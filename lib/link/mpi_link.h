/* link/mpi_link.h: what the files of the MPI plug-in share. */
#ifndef WEFT_LINK_MPI_LINK_H
#define WEFT_LINK_MPI_LINK_H

#include <mpi.h>

#include "link/mpi.h"

struct weft__mpi {
    MPI_Comm comm; /* weft's own duplicate of the world */
    int rank, size;
};

/* Every call of MPI is made under the one lock: its level may be SERIALIZED. */
void weft__mpi_lock(void);
void weft__mpi_unlock(void);

/* A tag for one link, the same on all ranks: what an earlier link left behind is never mistaken for
 * a frame of this one. The lock is held. */
int weft__mpi_tag(void);

/* Monotonic time. */
int64_t weft__mpi_now(void);
/* Pause a loop that polls since `start`: not at all at first, up to 1 ms later. */
void weft__mpi_pause(int64_t start);
/* What the MPI error `code` means. */
void weft__mpi_error(int code, char *buf, size_t cap);

extern const weft__link_ops weft__mpi_link;

#endif
