/* link/ring.h: a ring of frames from one process to another, in memory that both map.
 *
 * G1 `tail` is written by the producer only, `head` by the consumer only; both count bytes since the
 *    beginning and are multiples of 8. Each side keeps its own count and position in its own memory
 *    and believes the other's only after a check: head <= tail <= head + capacity, never backwards.
 * G2 A record is a word (length, sequence) and the frame, padded to 8 bytes, in one piece. One that
 *    does not fit before the end is preceded by a gap, a word that says "go on at the beginning".
 * G3 A record is complete before the tail that covers it is stored; it is not touched again until
 *    the head that covers it was stored. A producer that is killed on the way was never there.
 * G4 A producer without room exchanges `want` for 1, then looks at head once more. The consumer
 *    stores head, then loads `want`; all sequentially consistent, so one of them sees the other.
 */
#ifndef WEFT_LINK_RING_H
#define WEFT_LINK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"

/* What lies in the shared memory; all zero is an empty ring. */
typedef struct weft__ring {
    _Alignas(64) WEFT_ATOMIC(uint64_t) tail; /* producer */
    _Alignas(64) WEFT_ATOMIC(uint64_t) head; /* consumer */
    _Alignas(64) WEFT_ATOMIC(uint32_t) want; /* 1: the producer waits for room; cleared by both */
    _Alignas(64) uint8_t data[];
} weft__ring;

/* The producer's side, in its own memory. */
typedef struct weft__ring_out {
    weft__ring *ring;
    uint64_t size, tail, head; /* `head` as last seen */
    uint64_t at;               /* where the next record goes */
    uint32_t sequence;
} weft__ring_out;

/* The consumer's side, in its own memory. */
typedef struct weft__ring_in {
    weft__ring *ring;
    uint64_t size, head, tail; /* `tail` as last seen */
    uint64_t at;               /* where the next record is */
    uint64_t told;             /* the head that was stored last */
    uint64_t record;           /* bytes of the record that weft__ring_peek gave */
    uint32_t sequence;
} weft__ring_in;

/* The longest frame that a ring in `bytes` of memory takes: a third, so that there is always room
 * for a frame and a gap in an empty one. */
uint32_t weft__ring_max_frame(size_t bytes);

void weft__ring_out_init(weft__ring_out *o, void *memory, size_t bytes);
void weft__ring_in_init(weft__ring_in *in, void *memory, size_t bytes);

/* Append a frame of 1 to max_frame bytes and make it visible. WEFT_FULL: the consumer will be told
 * (weft__ring_tell). WEFT_INVALID: the consumer's index cannot be. */
weft_err weft__ring_put(weft__ring_out *o, const void *head, uint32_t head_len, const void *body,
                        uint32_t body_len);

/* The oldest frame, in place until weft__ring_drop. WEFT_EMPTY, or WEFT_INVALID: what the producer
 * wrote cannot be. */
weft_err weft__ring_peek(weft__ring_in *in, const void **frame, uint32_t *len);
void weft__ring_drop(weft__ring_in *in);
/* Whether so much was dropped since the last weft__ring_tell that the producer should know. */
bool weft__ring_due(const weft__ring_in *in);
/* Give the room of what was dropped back. True: the producer waits for it, call it. */
bool weft__ring_tell(weft__ring_in *in);

#endif
