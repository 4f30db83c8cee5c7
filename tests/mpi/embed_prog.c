/* A program with an MPI_Init_thread of its own starts and stops weft twice, and goes on with MPI.
 * tests/system/embed_test.sh starts it. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "weft/weft.h"

static int failed(const char *what, weft_err e)
{
    fprintf(stderr, "embed: %s: %s: %s\n", what, weft_strerror(e), weft_detail());
    return 1;
}

static int use_weft(int rank, int size)
{
    weft *w;
    weft_part *parts;
    char text[32];
    weft_err e = weft_start(&w, NULL);
    if (e != WEFT_OK)
        return failed("start", e);
    if (weft_rank(w) != rank || weft_size(w) != size)
        return failed("rank or size", WEFT_INVALID);
    e = weft_team_barrier(weft_job(w), weft_in_s(30));
    if (e != WEFT_OK)
        return failed("barrier", e);
    snprintf(text, sizeof text, "from %d", rank);
    e = weft_team_gather(weft_job(w), size - 1, text, strlen(text) + 1, &parts, weft_in_s(30));
    if (e != WEFT_OK)
        return failed("gather", e);
    for (int r = 0; rank == size - 1 && r < size; r++) {
        snprintf(text, sizeof text, "from %d", r);
        if (strcmp(parts[r].data, text) != 0)
            return failed("gathered text", WEFT_INVALID);
    }
    weft_parts_free(&parts);
    e = weft_stop(&w, weft_in_s(30));
    return e == WEFT_OK ? 0 : failed("stop", e);
}

int main(int argc, char **argv)
{
    int level, rank, size, sum = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int code = use_weft(rank, size);
    if (code == 0)
        code = use_weft(rank, size);
    if (code != 0)
        MPI_Abort(MPI_COMM_WORLD, code);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    if (sum != size * (size - 1) / 2)
        return 1;
    if (rank == 0)
        puts("embed: ok");
    return 0;
}
