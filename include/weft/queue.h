/* weft/queue.h: a bounded queue of messages that all processes of a team share by name.
 *
 *     weft_queue *q;
 *     e = weft_queue_open(&q, weft_job(w), "pieces", rank == 0 ? WEFT_BOTH : WEFT_CONSUMER, NULL,
 *                         weft_in_s(10));
 *     e = weft_put(q, data, len, WEFT_FOREVER);             // parks while the queue is full
 *     weft_queue_end(q);                                    // this rank puts no more
 *     while ((e = weft_get(q, buf, cap, &len, WEFT_FOREVER)) == WEFT_OK) ...
 *     weft_queue_close(&q);                                 // e was WEFT_CLOSED: all there is
 *
 * A stream: items of one producer come in its order, each to exactly one consumer, exactly once
 * while both live. (What a consumer gives back when it closes may come after later items.) The end is
 * WEFT_CLOSED, only when every producer said so and every item has been taken: a consuming rank that
 * stops to get, and does not close, keeps the others from the end. A producer that died, or a
 * consumer that died with items it had asked for, is WEFT_LOST, never a clean end. The queue is
 * bounded in items and in bytes; its home is one rank, the first of the team. Any number of tasks and
 * threads of a rank may put and get.
 */
#ifndef WEFT_QUEUE_H
#define WEFT_QUEUE_H

#include <stddef.h>

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A queue that the processes of a team share. */
typedef struct weft_queue weft_queue;

/* What this rank does with the queue. */
typedef enum weft_role {
    WEFT_NEITHER = 0,
    WEFT_PRODUCER = 1,
    WEFT_CONSUMER = 2,
    WEFT_BOTH = 3
} weft_role;

/* How the queue is made; rank 0's are the ones that count. Zero is the default of every field. */
typedef struct weft_queue_opts {
    size_t max_items; /* 0: 64 */
    size_t max_bytes; /* 0: 16 MiB; a single item may be as long as this */
    size_t
        ahead; /* items that a consuming rank asks for before it needs them; 0: its workers + 1 */
    void *spare[4]; /* room to grow: leave it zero */
} weft_queue_opts;

/* Open the queue `name` on all ranks of `t`, each with its role. Queues are opened in the same order
 * everywhere.
 * Returns WEFT_OK, WEFT_INVALID (another name or order on another rank, nobody to produce or to
 * consume, a role that is none), WEFT_LATE or WEFT_LOST (the detail names a rank), WEFT_CANCELLED
 * or WEFT_NOMEM.   Owns: the caller owns *q until weft_queue_close; `name` is copied.
 * Caller: one task or thread of each rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_queue_open(weft_queue **q, weft_team *t, const char *name,
                                               weft_role role, const weft_queue_opts *opts,
                                               weft_deadline by);

/* Put a copy of `len` bytes in, 0 or more; waits while the queue is full. On another rank than the home
 * a put that is late or cancelled still waits for the home's word on whether the item is in: as long as
 * the home's workers compute without a wait, if they do.
 * Returns WEFT_OK once the item is in the queue's memory at its home, WEFT_LATE or WEFT_CANCELLED
 * (the item is not in the queue), WEFT_CLOSED (this rank ended its putting, or every consumer
 * closed), WEFT_TOOBIG (longer than max_bytes), WEFT_LOST (the home, or the last consumer, died or
 * left), WEFT_INVALID (no producer) or WEFT_NOMEM.
 * Owns: `data` stays the caller's.   Caller: anyone on a producing rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_put(weft_queue *q, const void *data, size_t len,
                                        weft_deadline by);

/* Take the next item out, into `buf` of `cap` bytes; waits while there is none.
 * Returns WEFT_OK with its length in *len; WEFT_CLOSED (every producer ended, nothing is left);
 * WEFT_LATE or WEFT_CANCELLED (nothing was taken); WEFT_TOOBIG (the needed length is in *len, the
 * item stays the next one of this rank); WEFT_LOST (a rank died in the middle of its part and nothing
 * else is left, or the home died), WEFT_NOMEM or WEFT_INVALID (no consumer).   Owns: nothing.   Caller: anyone on a consuming rank.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_get(weft_queue *q, void *buf, size_t cap, size_t *len,
                                        weft_deadline by);

/* Say that this rank puts no more. What was put can still be taken. A second time does nothing.
 * Returns nothing.   Owns: nothing.   Caller: anyone on a producing rank, after its last weft_put
 * returned.   Switches: no. */
WEFT_API void weft_queue_end(weft_queue *q);

/* End this rank's part, its putting too, and set *q to NULL; does nothing on NULL. Items that this
 * rank had asked for and not taken go back to the queue. The home waits until every other rank closed or was lost.
 * Returns nothing.   Owns: takes the queue.   Caller: one task or thread, when no other uses it.
 * Switches: yes, under the queue's name. */
WEFT_API void weft_queue_close(weft_queue **q);

#ifdef __cplusplus
}
#endif
#endif
