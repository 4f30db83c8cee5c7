/* weft/queue.h: a bounded queue of messages, in this process or shared by all processes of a team.
 *
 *     weft_queue *q;
 *     e = weft_queue_init(&q, "pieces", sizeof(piece), 1024);            // in this process
 *     e = weft_queue_open(&q, weft_job(w), "pieces", rank == 0 ? WEFT_BOTH : WEFT_CONSUMER, NULL,
 *                         weft_in_s(10));                                // or by all of a team
 *     e = weft_put(q, data, len, WEFT_FOREVER);             // parks while the queue is full
 *     weft_queue_end(q);                                    // this rank puts no more
 *     while ((e = weft_get(q, buf, cap, &len, WEFT_FOREVER)) == WEFT_OK) ...
 *     weft_queue_close(&q);                                 // e was WEFT_CLOSED: all there is
 *
 * Items of one producer come in its order, each to exactly one consumer, exactly once. Any number of
 * tasks and threads may put and get. A put or a get that needs not wait succeeds also when its caller is
 * cancelled; one that has to wait and ends late or cancelled has had no effect.
 *
 * In this process: all items come in the order in which they were put. Those who wait are served in the
 * order of their arrival, and nobody who comes later is before them, so nobody starves: what is put goes
 * straight into the buffer of the one that has waited longest to get, and a slot that becomes free is
 * filled at once with the item of the one that has waited longest to put. Who is woken has what it waited
 * for. Whoever got the last item may close the queue, even before the put of it has returned.
 *
 * Shared: exactly once while both ranks live. (What a consumer gives back when it closes may come after
 * later items.) The end is WEFT_CLOSED, only when every producer said so and every item has been taken: a
 * consuming rank that stops to get, and does not close, keeps the others from the end. A producer that
 * died, or a consumer that died with items it had asked for, is WEFT_LOST, never a clean end. The queue
 * is bounded in items and in bytes; its home is one rank, the first of the team.
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

/* A queue, of either kind. */
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

/* Make a queue in this process, for `capacity` items of 1 to `item_size` bytes, or of 0: each is kept with
 * its length. `name` is kept, not copied: a literal.
 * Returns WEFT_OK; WEFT_INVALID (no name, a size or a capacity of 0, an item longer than 2147483647
 * bytes, more than there are addresses) or WEFT_NOMEM.   Owns: the caller owns *q until
 * weft_queue_close.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_queue_init(weft_queue **q, const char *name, size_t item_size,
                                               size_t capacity);

/* Open the queue `name` on all ranks of `t`, each with its role. Queues are opened in the same order
 * everywhere.
 * Returns WEFT_OK, WEFT_INVALID (another name or order on another rank, nobody to produce or to
 * consume, a role that is none), WEFT_LATE or WEFT_LOST (the detail names a rank), WEFT_CANCELLED
 * or WEFT_NOMEM.   Owns: the caller owns *q until weft_queue_close; `name` is copied.
 * Caller: one task or thread of each rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_queue_open(weft_queue **q, weft_team *t, const char *name,
                                               weft_role role, const weft_queue_opts *opts,
                                               weft_deadline by);

/* Put a copy of `len` bytes in, 0 or more; waits while the queue is full. On a rank of a shared queue that
 * is not its home, a put that is late or cancelled still waits for the home's word on whether the item is
 * in: as long as the home's workers compute without a wait, if they do.
 * Returns WEFT_OK once the item is in the queue (the memory of its home), WEFT_LATE or WEFT_CANCELLED
 * (the item is not in the queue), WEFT_CLOSED (it was ended here, or every consuming rank closed),
 * WEFT_TOOBIG (longer than item_size or max_bytes), WEFT_LOST (the home, or the last consumer, died or
 * left), WEFT_INVALID (no producer) or WEFT_NOMEM.
 * Owns: `data` stays the caller's.   Caller: anyone on a producing rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_put(weft_queue *q, const void *data, size_t len,
                                        weft_deadline by);

/* Take the next item out, into `buf` of `cap` bytes; waits while there is none.
 * Returns WEFT_OK with its length in *len; WEFT_CLOSED (it was ended, by every producing rank, and nothing
 * is left); WEFT_LATE or WEFT_CANCELLED (nothing was taken); WEFT_TOOBIG (the needed length is in *len, the
 * item stays the next one of this rank); WEFT_LOST (a rank died in the middle of its part and nothing
 * else is left, or the home died), WEFT_NOMEM or WEFT_INVALID (no consumer).   Owns: nothing.
 * Caller: anyone on a consuming rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_get(weft_queue *q, void *buf, size_t cap, size_t *len,
                                        weft_deadline by);

/* Claim the next free slot, to write an item of up to item_size bytes in it, then to weft_commit it; waits
 * while the queue is full. The slot is aligned for whatever fits an item. What is put or claimed later
 * comes after it, and waits for it: commit soon. A queue in this process only, for now.
 * Returns WEFT_OK with its address in *slot; WEFT_LATE, WEFT_CANCELLED (nothing was claimed), WEFT_CLOSED,
 * WEFT_INVALID (a shared queue) or WEFT_NOMEM.   Owns: the slot is the caller's until it is committed.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_claim(weft_queue *q, void **slot, weft_deadline by);

/* Let the item of `len` bytes in a claimed slot be got. Items come in the order of their claims: one that is
 * committed before an earlier claim is seen when that one is. Also after weft_queue_end: who gets waits for
 * all that is claimed.
 * Returns WEFT_OK; WEFT_TOOBIG (longer than item_size) or WEFT_INVALID (no claimed slot, or a shared queue):
 * nothing has changed.   Owns: takes the slot.   Caller: anyone, also another than claimed it.
 * Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_commit(weft_queue *q, void *slot, size_t len);

/* Take the next item to read it where it is, then to give its slot back with weft_done; waits while there is
 * none. Until then the slot is not free, nor those of later items: done soon. A queue in this process only, for
 * now.
 * Returns WEFT_OK with its address in *slot and its length in *len; WEFT_CLOSED, WEFT_LATE, WEFT_CANCELLED
 * (nothing was taken), WEFT_INVALID (a shared queue) or WEFT_NOMEM.   Owns: the slot is the caller's until
 * weft_done.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_take(weft_queue *q, void **slot, size_t *len, weft_deadline by);

/* Give a taken slot back. Slots become free in the order in which they were taken.
 * Returns WEFT_OK, or WEFT_INVALID (no taken slot, or a shared queue): nothing has changed.
 * Owns: takes the slot.   Caller: anyone, also another than took it.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_done(weft_queue *q, void *slot);

/* Say that what was to be done with one item that was got is done: once for each item, by whoever did it, for
 * those who join the queue. A queue in this process only. More often than items were put aborts with the
 * caller's place in the source.
 * Returns WEFT_OK, or WEFT_INVALID (a shared queue).   Owns: nothing.   Caller: anyone.   Switches: no. */
#define weft_queue_task_done(q) weft_queue_task_done_at((q), WEFT_HERE)
WEFT_API weft_err weft_queue_task_done_at(weft_queue *q, const char *where);

/* Wait until weft_queue_task_done was called for every item that was put or claimed. All that was written
 * before those calls is there to read. A queue in this process only.
 * Returns WEFT_OK: there was a moment without an unfinished item; WEFT_LATE, WEFT_CANCELLED, WEFT_NOMEM or
 * WEFT_INVALID (a shared queue).   Owns: nothing.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_queue_join(weft_queue *q, weft_deadline by);

/* Say that this rank puts no more. What was put can still be taken. Who waits to put in this process, or
 * comes to, has WEFT_CLOSED; who waits to get has it once nothing is left. A second time does nothing.
 * Returns nothing.   Owns: nothing.   Caller: anyone on a producing rank; of a shared queue, after its
 * last weft_put returned.   Switches: no. */
WEFT_API void weft_queue_end(weft_queue *q);

/* End this rank's part, its putting too, and set *q to NULL; does nothing if *q is NULL. Items of a shared queue
 * that this rank had asked for and not taken go back to it; its home waits until every other rank closed or
 * was lost. Items in a queue of this process are freed with it; the runtime's log says how many. If
 * somebody waits in it or joins it, this aborts with the caller's place in the source.
 * Returns nothing.   Owns: takes the queue.   Caller: one task or thread, when no other uses it.
 * Switches: if it is shared, under the queue's name. */
#define weft_queue_close(q) weft_queue_close_at((q), WEFT_HERE)
WEFT_API void weft_queue_close_at(weft_queue **q, const char *where);

#ifdef __cplusplus
}
#endif
#endif
