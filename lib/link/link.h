/* link/link.h: a link carries frames from this process to its peers and back; one file and one vtable
 * for each way to do it.
 *
 * A frame is 1 to `max_frame` bytes. Frames between two processes arrive whole, once, in the order in
 * which they were sent, or the peer is reported lost: never a gap. Above a link, mail.h cuts
 * messages into frames.
 *
 * This header is all that a backend sees of the library, and it needs nothing but the C library: a
 * backend may be a plug-in (weft/zmq.so, weft/mpi-openmpi.so) with a single exported entry and no
 * undefined weft symbol.
 */
#ifndef WEFT_LINK_LINK_H
#define WEFT_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"

/* A backend's own state. */
typedef struct weft__link weft__link;

/* What the library gives a backend. Lives as long as the link. */
typedef struct weft__link_host {
    void *ctx;
    /* Set the detail of the calling task or thread and return `e`. */
    weft_err (*fail)(weft_err e, const char *format, ...) __attribute__((format(printf, 2, 3)));
    /* A line for the log; `level` is a weft_level. */
    void (*log)(void *ctx, int level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
    /* A frame came from `peer`. Called inside serve() only; `data` is valid during the call. */
    void (*frame)(void *ctx, int peer, const void *data, uint32_t len);
    /* `peer` can send and receive no more: it left cleanly, or (lost) it died or broke a rule. Called
     * inside serve() only, after its last frame, once for each peer. `why` is valid during the call. */
    void (*gone)(void *ctx, int peer, bool lost, const char *why);
    /* Have serve() called soon. From any thread. */
    void (*kick)(void *ctx);
} weft__link_host;

enum { WEFT__CARD_MAX = 512 };

/* How to open a link. */
typedef struct weft__link_args {
    int rank, size;
    const weft__link_host *host;
    struct weft__seg *seg; /* the job's shared segment (link/seg.h), or NULL; shm needs it */
    struct weft__mpi
        *mpi;      /* the MPI that the team was joined by (link/mpi.h), or NULL; mpi needs it */
    bool insecure; /* zmq: no CURVE (WEFT_INSECURE=1) */
} weft__link_args;

/* Every slot but `card` and `join` must be there. */
typedef struct weft__link_ops {
    const char *name;

    /* Make the link. WEFT_INVALID (what it needs is not there), WEFT_NOMEM, WEFT_SYS; *l then
     * untouched. The caller owns *l until close. */
    weft_err (*open)(weft__link **l, const weft__link_args *args);

    /* What peers need to reach this process (an address, a public key): at most WEFT__CARD_MAX bytes
     * into `buf`. Returns the length. NULL if peers need nothing. */
    uint32_t (*card)(weft__link *l, void *buf);
    /* The cards of all ranks, WEFT__CARD_MAX apart, in rank order; checks each. Called once, after
     * open. WEFT_INVALID names the rank. NULL together with `card`. */
    weft_err (*join)(weft__link *l, const void *cards, const uint32_t *lengths);

    /* The longest frame. Constant. Lock-free. */
    uint32_t (*max_frame)(weft__link *l);

    /* Send one frame made of two parts (`body_len` may be 0). Never waits.
     * WEFT_OK: it is on its way, both parts are the caller's again. WEFT_FULL: no room; try again
     * after a later serve(), which is called soon after there is room. WEFT_LOST: the peer is gone.
     * WEFT_NOMEM: no memory for it now, nothing was sent; try again later. Anything else is final.
     * Any thread, also from within frame() and gone(); calls for the same peer never overlap (the
     * caller sees to it), others may. */
    weft_err (*send)(weft__link *l, int peer, const void *head, uint32_t head_len, const void *body,
                     uint32_t body_len);

    /* Whether serve() may have something to do. Any thread, a load or two. */
    bool (*look)(weft__link *l);
    /* Take in what there is and hand it to the host; returns how many frames. Bounded: at most a few
     * hundred frames a call. One caller at a time, never blocks. */
    int (*serve)(weft__link *l);
    /* The caller of serve() is about to sleep: have peers ring from now on. False if there is
     * something to do already. */
    bool (*arm)(weft__link *l);
    void (*disarm)(weft__link *l);
    /* A descriptor that becomes readable when an armed link wants serve(), or -1. serve() drains it. */
    int (*fd)(weft__link *l);
    /* When serve() is wanted again without a ring, monotonic ns; INT64_MAX: never. */
    int64_t (*due)(weft__link *l);

    /* Whether all that was sent has left this process for good: it needs it no more. Called between
     * calls of serve(). */
    bool (*flushed)(weft__link *l);
    /* Tell the peers that this process sends no more (they get gone(), not lost), then free
     * everything. No other call is in progress. */
    void (*close)(weft__link *l);
} weft__link_ops;

extern const weft__link_ops weft__link_shm;

#endif
