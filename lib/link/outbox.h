/* link/outbox.h: sends letters to one peer, whole and in order, from any number of threads.
 *
 * B1 Whoever holds `busy` is the only one inside the link for this peer, and the only one to touch
 *    `sequence`, `cut` and the letter at the front. It is taken and given back under the guard, and
 *    held without it while bytes are copied.
 * B2 While `stalled`, the link has no room (or the last holder had done his share): letters are only
 *    queued, and serve() alone goes on. Whoever stalls tells serve() so.
 * B3 A letter that was begun is at the front until its last frame went.
 * B4 When the peer is gone the box is closed and what is in it dropped, by the holder of `busy` if
 *    there is one.
 */
#ifndef WEFT_LINK_OUTBOX_H
#define WEFT_LINK_OUTBOX_H

#include "link/block.h"
#include "link/mail.h"

/* What all boxes of a mail share. */
typedef struct weft__carrier {
    const weft__link_ops *ops;
    weft__link *link;
    uint32_t max_frame;
    weft__log *log;
    weft__blocks blocks;           /* for letters that wait and letters that come */
    WEFT_ATOMIC(uint64_t) queued;  /* letters in boxes now; written by all, read by flushed */
    WEFT_ATOMIC(uint64_t) copied;  /* letters that were ever queued */
    WEFT_ATOMIC(uint64_t) dropped; /* letters that were queued and then dropped */
} weft__carrier;

typedef struct weft__outbox {
    weft__carrier *carrier;
    int peer;
    weft__guard guard;
    weft__list letters; /* under the guard */
    bool busy, stalled; /* under the guard; B1, B2 */
    bool closed;        /* under the guard; B4 */
    weft_err broken; /* the link refused in the middle of a letter; the holder's, then serve()'s */
    bool cut;        /* a letter was begun and given up: the peer must be told; the holder's */
    uint32_t sequence; /* the holder's */
} weft__outbox;

/* What became of the box. */
typedef enum weft__box_state {
    WEFT__BOX_IDLE,   /* nothing in it, or somebody else sees to it */
    WEFT__BOX_FULL,   /* no room: go on after the link was served */
    WEFT__BOX_AGAIN,  /* go on soon */
    WEFT__BOX_NOMEM,  /* the link had no memory: go on a little later */
    WEFT__BOX_BROKEN, /* the link refused for good: the peer must be given up */
} weft__box_state;

void weft__outbox_init(weft__outbox *o, weft__carrier *carrier, int peer);
/* Send, or queue a copy. *state says what serve() must be told. WEFT_OK, WEFT_LOST, WEFT_NOMEM, or
 * what else the link says. Any thread. */
weft_err weft__outbox_send(weft__outbox *o, const weft__letter_head *head, const void *data,
                           weft__box_state *state);
/* Go on with a stalled box; at most `most` letters. By serve(). */
weft__box_state weft__outbox_resume(weft__outbox *o, int most);
/* The peer is gone. By serve(), or with nothing else in progress. */
void weft__outbox_close(weft__outbox *o);

#endif
