/* loop/stream.h: what a stream is, for the files that make it.
 *
 * S1 is that of loop/door.h: a descriptor is closed, and the memory freed, when nobody uses either. Who closes
 *    shuts the readiness.
 * S2 `kept` has bytes that were read and not taken: they come before what is read next. Of who reads.
 */
#ifndef WEFT_LOOP_STREAM_H
#define WEFT_LOOP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/door.h"
#include "loop/loop.h"
#include "port/socket.h"
#include "weft/stream.h"

/* Roles: S1; for a listener, who accepts is READING. */
enum { WEFT__READING = 1, WEFT__WRITING = 2, WEFT__ENDING = 4, WEFT__SETTING = 8 };

/* A descriptor that tasks are inside of. */
typedef struct weft__handle {
    weft *w;
    weft__ready *ready;
    int fd;
    weft__door door;
} weft__handle;

struct weft_stream {
    weft__handle h;
    weft__fd_kind kind;
    weft_address peer;                /* zero: none */
    size_t read_ahead, written_ahead; /* without a wait in between; of who reads, and who writes */
    bool cut;                         /* a message was written in part; of who writes */
    bool blocks;                      /* is to block again once it is closed */
    char *kept;                       /* S2, or NULL; kept_from to kept_to of kept_room bytes */
    size_t kept_from, kept_to, kept_room;
};

/* Take `fd`, watched from now on. WEFT_INVALID, WEFT_NOMEM. */
weft_err weft__handle_open(weft__handle *h, weft *w, int fd);
/* WEFT_INVALID: somebody does it already, WEFT_CLOSED: it is being closed; else to be left. */
weft_err weft__handle_enter(weft__handle *h, uint32_t as, const char *verb);
void weft__handle_leave(weft__handle *h, uint32_t as);
/* Whether who is inside, and has done a part, has to leave: WEFT_CLOSED, WEFT_CANCELLED or WEFT_LATE; else
 * WEFT_OK. */
weft_err weft__handle_stay(weft__handle *h, const char *verb, weft_deadline by);
/* From now on nobody enters, and who waits inside is let go. */
void weft__handle_stop(weft__handle *h);
/* Stop, and wait until nobody is inside: from then on the descriptor is the caller's, to close. Switches. */
void weft__handle_close(weft__handle *h);
/* The deadline of a call that begins now and may take several steps: one that has passed is WEFT_NOW, so that
 * weft__handle_stay lets the call have all that can be had at once. */
weft_deadline weft__handle_deadline(weft_deadline by);
/* Wait until `what` is worth a try. */
weft_err weft__handle_wait(weft__handle *h, unsigned what, const char *verb, const char *name,
                           weft_deadline by);

/* A stream of `fd`, which is closed if there is none; zero for a peer without an address. */
weft_err weft__stream_of(weft *w, int fd, weft__fd_kind kind, weft_address peer, weft_stream **s);
/* The detail of `e`, which ends a call that waits until `by`, says who the peer is. Returns `e`. */
weft_err weft__stream_told(const weft_stream *s, weft_err e, weft_deadline by);
/* As weft_read, by who has entered; past what is kept. */
weft_err weft__stream_take(weft_stream *s, void *buf, size_t cap, size_t *got, weft_deadline by);

#endif
