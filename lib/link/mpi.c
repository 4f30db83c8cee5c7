/* link/mpi.c: the plug-in for Open MPI: its entry, and joining the job.
 *
 * MPI is the process's, not a link's, so its state is static here. The communicator is kept from the
 * first join on: freeing it while a slower peer still sends would hand its frames to whoever gets
 * its number next.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link/mpi_link.h"
#include "link/plugin.h"

static struct {
    pthread_mutex_t lock;
    bool ours;    /* initialised by weft, so finalised by it */
    bool failed;  /* a collective call was given up: MPI cannot be finalised any more */
    bool joined;  /* between join and leave */
    bool world;   /* `comm` is there */
    int links;    /* how many there were */
    int64_t wait; /* for other ranks */
    MPI_Comm comm;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER, .wait = INT64_C(60000000000)};

void weft__mpi_lock(void)
{
    pthread_mutex_lock(&process.lock);
}

void weft__mpi_unlock(void)
{
    pthread_mutex_unlock(&process.lock);
}

int weft__mpi_tag(void)
{
    /* Every MPI allows tags up to this. */
    return process.links++ % 32767;
}

int64_t weft__mpi_now(void)
{
    /* A plug-in sees no weft symbol: the clock is read directly. */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void weft__mpi_pause(int64_t start)
{
    int64_t waited = weft__mpi_now() - start, ns = waited / 8;
    if (waited < 50000)
        return;
    /* A plug-in sees no weft symbol, and MPI has no wait with a limit: the pause is taken directly. */
    struct timespec t = {.tv_nsec = ns > 1000000 ? 1000000 : (long)ns};
    nanosleep(&t, NULL);
}

void weft__mpi_error(int code, char *buf, size_t cap)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;
    if (MPI_Error_string(code, text, &len) != MPI_SUCCESS)
        snprintf(text, sizeof text, "error %d", code);
    snprintf(buf, cap, "%s", text);
}

static weft_err fail_mpi(const weft__link_host *host, int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    weft__mpi_error(code, text, sizeof text);
    return host->fail(WEFT_SYS, "mpi: %s: %s", what, text);
}

/* At the end of the process. */
static void finalise(void)
{
    int done = 0;
    if (MPI_Finalized(&done) != MPI_SUCCESS || done)
        return;
    if (process.joined || process.failed)
        MPI_Abort(MPI_COMM_WORLD, 1);
    else if (process.ours)
        MPI_Finalize();
}

/* Have an MPI at a level that will do. */
static weft_err initialise(const weft__link_host *host, bool serialized)
{
    static const char *const names[] = {"MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED",
                                        "MPI_THREAD_SERIALIZED", "MPI_THREAD_MULTIPLE"};
    int before = 0, after = 0, level = MPI_THREAD_SINGLE;
    MPI_Finalized(&after);
    if (after)
        return host->fail(WEFT_INVALID,
                          "mpi: the program called MPI_Finalize: start weft before that");
    MPI_Initialized(&before);
    int rc = before ? MPI_Query_thread(&level)
                    : MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level);
    if (rc != MPI_SUCCESS)
        return host->fail(WEFT_SYS,
                          "mpi: it cannot be initialised (error %d): is it the MPI of "
                          "the mpirun that started this?",
                          rc);
    if (!before) {
        process.ours = true;
        atexit(finalise);
    }
    bool enough =
        process.ours || serialized ? level >= MPI_THREAD_SERIALIZED : level >= MPI_THREAD_MULTIPLE;
    if (enough)
        return WEFT_OK;
    const char *name = level == MPI_THREAD_SINGLE       ? names[0]
                       : level == MPI_THREAD_FUNNELED   ? names[1]
                       : level == MPI_THREAD_SERIALIZED ? names[2]
                                                        : names[3];
    return host->fail(WEFT_INVALID,
                      "mpi: it was initialised with %s: call MPI_Init_thread with "
                      "MPI_THREAD_MULTIPLE%s, or let weft_start initialise MPI",
                      name,
                      level == MPI_THREAD_SERIALIZED
                          ? ", or promise by mpi_serialized that nobody else calls MPI"
                          : "");
}

/* Wait for a collective call, as long as `process.wait`. */
static weft_err await(const weft__link_host *host, MPI_Request *request, const char *what)
{
    int64_t start = weft__mpi_now();
    for (;;) {
        int done = 0;
        int rc = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (rc != MPI_SUCCESS)
            return fail_mpi(host, rc, what);
        if (done)
            return WEFT_OK;
        if (weft__mpi_now() - start > process.wait) {
            process.failed = true;
            return host->fail(WEFT_LATE,
                              "mpi: %s: some rank did not come within %lld s: every rank of the "
                              "job must start weft",
                              what, (long long)(process.wait / 1000000000));
        }
        weft__mpi_pause(start);
    }
}

/* Weft's own communicator. */
static weft_err duplicate(const weft__link_host *host)
{
    if (process.world)
        return WEFT_OK;
    MPI_Request request;
    int rc = MPI_Comm_idup(MPI_COMM_WORLD, &process.comm, &request);
    if (rc != MPI_SUCCESS)
        return fail_mpi(host, rc, "the world cannot be duplicated");
    weft_err e = await(host, &request, "joining");
    if (e)
        return e;
    process.world = true;
    rc = MPI_Comm_set_errhandler(process.comm, MPI_ERRORS_RETURN);
    return rc == MPI_SUCCESS ? WEFT_OK : fail_mpi(host, rc, "error handler");
}

/* weft__mpi and what its later calls report to. */
typedef struct member {
    weft__mpi mpi;
    const weft__link_host *host;
} member;

static weft_err join_locked(member *b, bool serialized)
{
    if (process.joined)
        return b->host->fail(WEFT_INVALID, "mpi: this process is in the job already");
    weft_err e = initialise(b->host, serialized);
    if (!e)
        e = duplicate(b->host);
    if (e)
        return e;
    b->mpi.comm = process.comm;
    MPI_Comm_rank(process.comm, &b->mpi.rank);
    MPI_Comm_size(process.comm, &b->mpi.size);
    process.joined = true;
    return WEFT_OK;
}

static weft_err mpi_join(weft__mpi **m, const weft__link_host *host, bool serialized, int *rank,
                         int *size)
{
    member *b = calloc(1, sizeof *b);
    if (!b)
        return host->fail(WEFT_NOMEM, "mpi: no memory to join");
    b->host = host;
    weft__mpi_lock();
    weft_err e = join_locked(b, serialized);
    weft__mpi_unlock();
    if (e) {
        free(b);
        return e;
    }
    *m = &b->mpi;
    *rank = b->mpi.rank;
    *size = b->mpi.size;
    return WEFT_OK;
}

static weft_err mpi_allgather(weft__mpi *m, const void *mine, void *all, uint32_t each)
{
    const weft__link_host *host = ((member *)m)->host;
    MPI_Request request;
    if (each > INT32_MAX)
        return host->fail(WEFT_INVALID, "mpi: allgather of %u bytes", each);
    weft__mpi_lock();
    int rc = MPI_Iallgather(mine, (int)each, MPI_BYTE, all, (int)each, MPI_BYTE, m->comm, &request);
    weft_err e =
        rc == MPI_SUCCESS ? await(host, &request, "allgather") : fail_mpi(host, rc, "allgather");
    weft__mpi_unlock();
    return e;
}

static void mpi_leave(weft__mpi **m, bool lost)
{
    if (!*m)
        return;
    weft__mpi_lock();
    if (lost)
        MPI_Abort(MPI_COMM_WORLD, 1);
    process.joined = false;
    weft__mpi_unlock();
    free(*m);
    *m = NULL;
}

static void mpi_patience(int64_t ns)
{
    process.wait = ns;
}

static const weft__mpi_ops job = {
    .join = mpi_join, .allgather = mpi_allgather, .leave = mpi_leave, .patience = mpi_patience};

static const weft__plugin plugin = {.version = WEFT__PLUGIN_VERSION,
                                    .size = sizeof(weft__plugin),
                                    .name = "mpi-openmpi",
                                    .link = &weft__mpi_link,
                                    .mpi = &job};

WEFT_API const weft__plugin *weft_plugin(void);
WEFT_API const weft__plugin *weft_plugin(void)
{
    return &plugin;
}
