/* link/mail.h: messages of any length to the other processes of a job, above a link.
 *
 * A letter has a head and 0 or more bytes. Letters between two ranks arrive in the order in which
 * they were sent. Each kind has one handler; it is called on the worker that serves the link: it may
 * unpark others but never park. Small letters go straight into the link; what does not fit waits in
 * an outbox for its peer and is sent as there is room.
 */
#ifndef WEFT_LINK_MAIL_H
#define WEFT_LINK_MAIL_H

#include "base/list.h"
#include "base/log.h"
#include "link/link.h"
#include "link/seg.h"
#include "weft/time.h"

typedef struct weft__mail weft__mail;

/* Who handles a letter. */
typedef enum weft__mail_kind {
    WEFT__MAIL_TEAM = 1, /* collectives */
    WEFT__MAIL_QUEUE,    /* shared queues */
    WEFT__MAIL_KINDS
} weft__mail_kind;

/* What a letter says besides its bytes; the fields' meaning is the kind's. Travels as it is: all
 * processes of a job are the same build on the same sort of machine. */
typedef struct weft__letter_head {
    uint16_t kind;
    uint16_t verb;
    uint32_t id;
    uint64_t a, b;
    uint64_t len; /* set by weft__mail_send */
} weft__letter_head;

/* A letter that came. The handler owns it and gives it back with weft__mail_free, which keeps its
 * memory for the next one; plain free() does too, but the next one is slower. `head.len` must stay. */
typedef struct weft__letter {
    weft__list node; /* the handler's */
    int from;
    weft__letter_head head;
    uint8_t data[]; /* head.len bytes */
} weft__letter;

typedef void (*weft__mail_fn)(void *ctx, weft__letter *letter);
/* A peer left or was lost (its state says which), after its last letter. */
typedef void (*weft__gone_fn)(void *ctx, int peer);

/* `ops`/`link` were opened with weft__mail_host(m) as their host. */
weft_err weft__mail_create(weft__mail **m, int rank, int size, weft__log *log);
const weft__link_host *weft__mail_host(weft__mail *m);
/* Hand the open link over; from now on letters can be sent. `kick` has serve() called soon. */
void weft__mail_use(weft__mail *m, const weft__link_ops *ops, weft__link *link,
                    void (*kick)(void *ctx), void *kick_ctx);
/* Replace the kick: the runtime that serves the mail is made after the job was joined. */
void weft__mail_on_kick(weft__mail *m, void (*kick)(void *ctx), void *ctx);
/* Before the workers start. */
void weft__mail_handle(weft__mail *m, weft__mail_kind kind, weft__mail_fn letter,
                       weft__gone_fn gone, void *ctx);

/* Send a letter; `peer` may be this rank itself (its handler is called by a later serve). Never
 * waits: what cannot go now is copied. Whoever sends much bounds it by credits of its own.
 * Returns WEFT_OK, WEFT_LOST (the detail names the rank) or WEFT_NOMEM.   Any thread or task. */
weft_err weft__mail_send(weft__mail *m, int peer, weft__letter_head head, const void *data,
                         size_t len);

/* Memory for letters of this process, kept for reuse. */
struct weft__blocks *weft__mail_blocks(weft__mail *m);
/* Give the memory of a letter back. Any thread, before the mail is destroyed. NULL does nothing. */
void weft__mail_free(weft__mail *m, weft__letter *letter);

/* JOINED, LEFT or LOST, and for LOST why (or ""). Any thread. */
weft__rank_state weft__mail_state(weft__mail *m, int peer);
const char *weft__mail_why(weft__mail *m, int peer);

/* The slots of a weft__source (task/source.h), ctx is the mail. */
bool weft__mail_look(void *m);
void weft__mail_serve(void *m);
bool weft__mail_arm(void *m);
void weft__mail_disarm(void *m);
int64_t weft__mail_due(void *m);
/* The link's descriptor, or -1. */
int weft__mail_fd(weft__mail *m);

/* What went through, since the start; any thread, each number for itself. */
typedef struct weft__mail_counts {
    uint64_t queued;  /* letters that wait in this process now, for room or for serve */
    uint64_t copied;  /* letters to others that found no room and were copied */
    uint64_t dropped; /* of those, letters that were dropped because their peer was gone */
    uint64_t ignored; /* frames that came from a peer after it had broken a rule */
} weft__mail_counts;
weft__mail_counts weft__mail_count(weft__mail *m);

/* Whether everything sent has left for good. Between calls of serve(). */
bool weft__mail_flushed(weft__mail *m);
/* Close the link and free all. No other call is in progress. */
void weft__mail_destroy(weft__mail **m);

#endif
