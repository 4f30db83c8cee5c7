/* link/mpi_frames.c: frames over MPI.
 *
 * M1 A frame is one message, a goodbye is an empty one; MPI keeps their order.
 * M2 A small message is done for MPI once it is copied, received or not. So every SYNC_EVERYth is
 *    sent synchronously: it is done only when the peer has it, and with it all before it. Sends are
 *    let go in order, so at most WINDOW frames and WINDOW_BYTES are unknown to a peer.
 * M3 Incoming frames are received into a ring of RECEIVES buffers, in the order in which they are
 *    matched, and handed on in that order, however long the oldest takes.
 * M4 Everything in here is under the lock of mpi.c, which is dropped to call the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/mpi_link.h"
#include "weft/atomic.h"
#include "weft/rt.h"

enum {
    FRAME_MAX = 256 * 1024,
    WINDOW = 512,
    WINDOW_BYTES = 4 << 20,
    SYNC_EVERY = 64,
    RECEIVES = 8,
    BATCH = 256,
    WHY_MAX = MPI_MAX_ERROR_STRING + 40
};

static const int64_t spin_ns = 50000, longest_pause_ns = 1000000;
static const int64_t goodbye_ns = INT64_C(10000000000);

typedef struct sending {
    MPI_Request request;
    void *copy;
    uint32_t len;
} sending;

typedef struct peer {
    uint32_t next, done; /* sends begun and let go */
    uint32_t bytes;      /* of those between */
    bool gone;
    MPI_Request goodbye; /* MPI_REQUEST_NULL before close() */
    sending sends[WINDOW];
} peer;

typedef struct receiving {
    MPI_Request request;
    int from;
    uint32_t len;
    uint8_t *buf; /* FRAME_MAX bytes */
} receiving;

struct weft__link {
    const weft__link_host *host;
    MPI_Comm comm;
    int rank, size, tag;
    peer *peers;
    uint32_t outstanding; /* sends that were not let go, to all peers */
    receiving receives[RECEIVES];
    uint32_t next, done; /* receives begun and handed on */
    bool broken;         /* MPI failed; `why` says how */
    bool told;           /* and the host was told */
    char why[WHY_MAX];
    /* When something last came or went; written by send() and serve(), read by look() and due(). */
    WEFT_ATOMIC(int64_t) active;
    WEFT_ATOMIC(int64_t) due; /* written by serve(), read by look() and due() */
};

/* False if MPI failed. */
static bool good(weft__link *l, int rc)
{
    if (rc == MPI_SUCCESS)
        return true;
    if (!l->broken)
        weft__mpi_error(rc, l->why, sizeof l->why);
    l->broken = true;
    return false;
}

/* Let go of the sends to `p` that are done, in order (M2). */
static void release(weft__link *l, peer *p)
{
    while (p->done != p->next) {
        sending *s = &p->sends[p->done % WINDOW];
        int done = 0;
        if (!good(l, MPI_Test(&s->request, &done, MPI_STATUS_IGNORE)) || !done)
            return;
        free(s->copy);
        s->copy = NULL;
        p->bytes -= s->len;
        p->done++;
        l->outstanding--;
    }
}

/* The lock is held. */
static weft_err begin(weft__link *l, int to, const void *head, uint32_t head_len, const void *body,
                      uint32_t body_len)
{
    peer *p = &l->peers[to];
    uint32_t len = head_len + body_len;
    if (p->gone || l->broken)
        return l->host->fail(WEFT_LOST, "mpi: rank %d is gone%s%s", to, l->broken ? ": " : "",
                             l->why);
    if (p->next - p->done >= WINDOW || p->bytes + len > WINDOW_BYTES)
        release(l, p);
    if (p->next - p->done >= WINDOW || p->bytes + len > WINDOW_BYTES)
        return WEFT_FULL;
    sending *s = &p->sends[p->next % WINDOW];
    *s = (sending){.copy = malloc(len), .len = len};
    if (!s->copy)
        return WEFT_FULL;
    if (head_len > 0)
        memcpy(s->copy, head, head_len);
    if (body_len > 0)
        memcpy((char *)s->copy + head_len, body, body_len);
    bool sync = p->next % SYNC_EVERY == SYNC_EVERY - 1;
    if (!good(l, (sync ? MPI_Issend : MPI_Isend)(s->copy, (int)len, MPI_BYTE, to, l->tag, l->comm,
                                                 &s->request))) {
        free(s->copy);
        return l->host->fail(WEFT_LOST, "mpi: sending to rank %d: %s", to, l->why);
    }
    p->next++;
    p->bytes += len;
    l->outstanding++;
    release(l, p);
    return WEFT_OK;
}

static weft_err mpi_send(weft__link *l, int to, const void *head, uint32_t head_len,
                         const void *body, uint32_t body_len)
{
    uint64_t len = (uint64_t)head_len + body_len;
    if (to < 0 || to >= l->size || to == l->rank || len == 0 || len > FRAME_MAX)
        return l->host->fail(WEFT_INVALID, "mpi: a frame of %llu bytes to rank %d of %d",
                             (unsigned long long)len, to, l->size);
    weft__mpi_lock();
    weft_err e = begin(l, to, head, head_len, body, body_len);
    weft__mpi_unlock();
    /* An answer is likely: poll at short intervals again. Both are hints, to serve() and due(). */
    int64_t now = weft__mpi_now();
    int64_t before = weft_atomic_exchange(&l->active, now, WEFT_RELAXED);
    if (now - before > longest_pause_ns) {
        weft_atomic_store(&l->due, now, WEFT_RELAXED);
        l->host->kick(l->host->ctx);
    }
    return e;
}

/* Begin to receive the next frame, if there is one and a buffer for it. */
static bool accept(weft__link *l)
{
    int there = 0, len = 0;
    MPI_Message message;
    MPI_Status status;
    receiving *r = &l->receives[l->next % RECEIVES];
    if (l->next - l->done == RECEIVES ||
        !good(l, MPI_Improbe(MPI_ANY_SOURCE, l->tag, l->comm, &there, &message, &status)))
        return false;
    if (!there || !good(l, MPI_Get_count(&status, MPI_BYTE, &len)))
        return false;
    if (len < 0 || len > FRAME_MAX) {
        snprintf(l->why, sizeof l->why, "rank %d sent a frame of %d bytes", status.MPI_SOURCE, len);
        l->broken = true;
        return false;
    }
    r->from = status.MPI_SOURCE;
    r->len = (uint32_t)len;
    if (!good(l, MPI_Imrecv(r->buf, len, MPI_BYTE, &message, &r->request)))
        return false;
    l->next++;
    return true;
}

/* The oldest frame, once it is here. The lock is held. */
static receiving *take(weft__link *l)
{
    while (!l->broken && accept(l))
        continue;
    if (l->broken || l->done == l->next)
        return NULL;
    receiving *r = &l->receives[l->done % RECEIVES];
    int done = 0;
    if (!good(l, MPI_Test(&r->request, &done, MPI_STATUS_IGNORE)) || !done)
        return NULL;
    return r;
}

static void hand_on(weft__link *l, const receiving *r)
{
    peer *p = &l->peers[r->from];
    if (p->gone)
        return;
    if (r->len > 0) {
        l->host->frame(l->host->ctx, r->from, r->buf, r->len);
        return;
    }
    weft__mpi_lock();
    p->gone = true; /* read by send() under the lock */
    weft__mpi_unlock();
    l->host->gone(l->host->ctx, r->from, false, "it left");
}

static void tell_broken(weft__link *l)
{
    for (int r = 0; r < l->size && !l->told; r++)
        if (r != l->rank && !l->peers[r].gone)
            l->host->gone(l->host->ctx, r, true, l->why);
    l->told = true;
}

static void release_all(weft__link *l)
{
    for (int r = 0; r < l->size && l->outstanding > 0; r++)
        release(l, &l->peers[r]);
}

/* Poll all the time after something happened, then ever less often. */
static void schedule(weft__link *l, bool happened)
{
    int64_t now = weft__mpi_now();
    if (happened)
        weft_atomic_store(&l->active, now, WEFT_RELAXED); /* a hint to due() */
    int64_t idle = now - weft_atomic_load(&l->active, WEFT_RELAXED);
    int64_t pause = idle < spin_ns ? 0 : idle / 4 < longest_pause_ns ? idle / 4 : longest_pause_ns;
    weft_atomic_store(&l->due, now + pause, WEFT_RELAXED); /* a hint to look() and due() */
}

static int mpi_serve(weft__link *l)
{
    int taken = 0, frames = 0;
    weft__mpi_lock();
    uint32_t before = l->outstanding;
    release_all(l);
    bool released = l->outstanding != before;
    for (receiving *r; taken < BATCH && (r = take(l)); taken++) {
        weft__mpi_unlock();
        frames += r->len > 0;
        hand_on(l, r);
        weft__mpi_lock();
        l->done++;
    }
    bool broken = l->broken;
    weft__mpi_unlock();
    if (broken)
        tell_broken(l);
    schedule(l, taken > 0 || released);
    return frames;
}

static bool mpi_look(weft__link *l)
{
    /* pairs with schedule(): a hint */
    return weft__mpi_now() >= weft_atomic_load(&l->due, WEFT_RELAXED);
}

static bool mpi_arm(weft__link *l)
{
    (void)l; /* nobody rings: due() says when to look */
    return true;
}

static void mpi_disarm(weft__link *l)
{
    (void)l;
}

static int mpi_fd(weft__link *l)
{
    (void)l;
    return -1;
}

static int64_t mpi_due(weft__link *l)
{
    /* pairs with schedule(): a hint */
    return weft_atomic_load(&l->due, WEFT_RELAXED);
}

static uint32_t mpi_max_frame(weft__link *l)
{
    (void)l;
    return FRAME_MAX;
}

static bool mpi_flushed(weft__link *l)
{
    weft__mpi_lock();
    release_all(l);
    bool all = l->outstanding == 0 || l->broken;
    weft__mpi_unlock();
    return all;
}

/* Take what still comes; only goodbyes matter now. */
static void read_goodbyes(weft__link *l)
{
    for (receiving *r; (r = take(l)); l->done++)
        if (r->len == 0)
            l->peers[r->from].gone = true;
}

/* Say goodbye to those that do not know and wait until they have it, and so all before it (M1). */
static void part(weft__link *l)
{
    int64_t start = weft__mpi_now();
    for (int r = 0; r < l->size && !l->broken; r++)
        if (r != l->rank && !l->peers[r].gone)
            good(l, MPI_Issend(NULL, 0, MPI_BYTE, r, l->tag, l->comm, &l->peers[r].goodbye));
    while (!l->broken && weft__mpi_now() - start < goodbye_ns) {
        read_goodbyes(l);
        release_all(l);
        int left = 0;
        for (int r = 0; r < l->size; r++) {
            int done = 1;
            if (!l->peers[r].gone)
                good(l, MPI_Test(&l->peers[r].goodbye, &done, MPI_STATUS_IGNORE));
            left += !done;
        }
        if (left == 0 && l->done == l->next)
            return;
        weft__mpi_pause(start);
    }
}

/* What MPI still uses is left to it: a peer that is stuck must not hold this process. */
static void abandon(weft__link *l)
{
    for (int r = 0; r < l->size; r++) {
        peer *p = &l->peers[r];
        release(l, p);
        for (; p->done != p->next; p->done++)
            MPI_Request_free(&p->sends[p->done % WINDOW].request);
        if (p->goodbye != MPI_REQUEST_NULL)
            MPI_Request_free(&p->goodbye);
    }
    for (; l->done != l->next; l->done++) {
        receiving *r = &l->receives[l->done % RECEIVES];
        MPI_Request_free(&r->request);
        r->buf = NULL;
    }
}

static void drop(weft__link *l)
{
    for (int i = 0; i < RECEIVES; i++)
        free(l->receives[i].buf);
    free(l->peers);
    free(l);
}

static void mpi_close(weft__link *l)
{
    weft__mpi_lock();
    part(l);
    abandon(l);
    weft__mpi_unlock();
    drop(l);
}

static weft_err mpi_open(weft__link **out, const weft__link_args *args)
{
    const weft__mpi *m = args->mpi;
    if (!m)
        return args->host->fail(WEFT_INVALID, "mpi: this job was not joined by MPI: start it with "
                                              "mpirun, or choose another WEFT_LINK");
    if (m->rank != args->rank || m->size != args->size)
        return args->host->fail(WEFT_INVALID, "mpi: rank %d of %d is rank %d of %d of the job",
                                m->rank, m->size, args->rank, args->size);
    weft__link *l = calloc(1, sizeof *l);
    if (!l)
        return args->host->fail(WEFT_NOMEM, "mpi: no memory for a link");
    l->host = args->host;
    l->comm = m->comm;
    l->rank = args->rank;
    l->size = args->size;
    l->peers = calloc((size_t)l->size, sizeof *l->peers);
    bool all = l->peers != NULL;
    for (int r = 0; all && r < l->size; r++)
        l->peers[r].goodbye = MPI_REQUEST_NULL;
    for (int i = 0; i < RECEIVES; i++)
        all &= (l->receives[i].buf = malloc(FRAME_MAX)) != NULL;
    if (!all) {
        drop(l);
        return args->host->fail(WEFT_NOMEM, "mpi: no memory for %d peers", args->size);
    }
    weft__mpi_lock();
    l->tag = weft__mpi_tag();
    weft__mpi_unlock();
    schedule(l, true);
    *out = l;
    return WEFT_OK;
}

const weft__link_ops weft__mpi_link = {
    .name = "mpi",
    .open = mpi_open,
    .max_frame = mpi_max_frame,
    .send = mpi_send,
    .look = mpi_look,
    .serve = mpi_serve,
    .arm = mpi_arm,
    .disarm = mpi_disarm,
    .fd = mpi_fd,
    .due = mpi_due,
    .flushed = mpi_flushed,
    .close = mpi_close,
};
