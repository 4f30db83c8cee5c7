#include "link/ring.h"

#include <string.h>

enum { WORD = sizeof(uint64_t) };
/* The length of a gap's word. */
#define GAP UINT32_MAX

typedef WEFT_ATOMIC(uint64_t) record_word;

static uint64_t capacity(size_t bytes)
{
    return (bytes - offsetof(weft__ring, data)) / WORD * WORD;
}

static uint64_t record_size(uint64_t len)
{
    return WORD + (len + WORD - 1) / WORD * WORD;
}

uint32_t weft__ring_max_frame(size_t bytes)
{
    return (uint32_t)(capacity(bytes) / 3 / WORD * WORD - WORD);
}

void weft__ring_out_init(weft__ring_out *o, void *memory, size_t bytes)
{
    *o = (weft__ring_out){.ring = memory, .size = capacity(bytes)};
}

void weft__ring_in_init(weft__ring_in *in, void *memory, size_t bytes)
{
    *in = (weft__ring_in){.ring = memory, .size = capacity(bytes)};
}

static record_word *word_at(weft__ring *r, uint64_t at)
{
    return (record_word *)(void *)(r->data + at);
}

static void write_word(weft__ring_out *o, uint64_t at, uint32_t len)
{
    /* pairs with weft__ring_peek, through tail */
    weft_atomic_store(word_at(o->ring, at), (uint64_t)o->sequence++ << 32 | len, WEFT_RELAXED);
}

/* Look at the consumer's index again; G1. */
static weft_err refresh_head(weft__ring_out *o)
{
    /* G4; pairs with weft__ring_tell: the consumer is done with what lies before it */
    uint64_t head = weft_atomic_load(&o->ring->head, WEFT_SEQ_CST);
    if (head - o->head > o->tail - o->head || head % WORD != 0)
        return WEFT_INVALID;
    o->head = head;
    return WEFT_OK;
}

static bool has_room(const weft__ring_out *o, uint64_t need)
{
    return o->size - (o->tail - o->head) >= need;
}

static weft_err make_room(weft__ring_out *o, uint64_t need)
{
    if (has_room(o, need))
        return WEFT_OK;
    weft_err e = refresh_head(o);
    if (e != WEFT_OK || has_room(o, need))
        return e;
    /* G4; pairs with weft__ring_tell */
    weft_atomic_exchange(&o->ring->want, 1, WEFT_SEQ_CST);
    e = refresh_head(o);
    if (e != WEFT_OK || has_room(o, need))
        return e;
    return WEFT_FULL;
}

weft_err weft__ring_put(weft__ring_out *o, const void *head, uint32_t head_len, const void *body,
                        uint32_t body_len)
{
    uint32_t len = head_len + body_len;
    uint64_t record = record_size(len), to_end = o->size - o->at;
    uint64_t gap = record > to_end ? to_end : 0;
    weft_err e = make_room(o, gap + record);
    if (e != WEFT_OK)
        return e;
    if (gap) {
        write_word(o, o->at, GAP);
        o->at = 0;
    }
    write_word(o, o->at, len);
    uint8_t *to = o->ring->data + o->at + WORD;
    memcpy(to, head, head_len);
    if (body_len)
        memcpy(to + head_len, body, body_len);
    o->at = o->at + record == o->size ? 0 : o->at + record;
    o->tail += gap + record;
    /* G3; pairs with refresh_tail. Sequentially consistent for the attention bit that follows (S2). */
    weft_atomic_store(&o->ring->tail, o->tail, WEFT_SEQ_CST);
    return WEFT_OK;
}

/* Look at the producer's index again; G1. */
static weft_err refresh_tail(weft__ring_in *in)
{
    /* G3; pairs with weft__ring_put */
    uint64_t tail = weft_atomic_load(&in->ring->tail, WEFT_SEQ_CST);
    uint64_t used =
        tail - in->head; /* all that was seen before is read: backwards is far too much */
    if (used > in->size || tail % WORD != 0)
        return WEFT_INVALID;
    in->tail = tail;
    return used ? WEFT_OK : WEFT_EMPTY;
}

weft_err weft__ring_peek(weft__ring_in *in, const void **frame, uint32_t *len)
{
    for (;;) {
        if (in->head == in->tail) {
            weft_err e = refresh_tail(in);
            if (e != WEFT_OK)
                return e;
        }
        uint64_t there = in->tail - in->head, to_end = in->size - in->at;
        /* pairs with write_word, through tail; once, so that what is checked is what is used */
        uint64_t word = weft_atomic_load(word_at(in->ring, in->at), WEFT_RELAXED);
        uint32_t n = (uint32_t)word;
        if ((uint32_t)(word >> 32) != in->sequence)
            return WEFT_INVALID;
        if (n != GAP) {
            uint64_t record = record_size(n);
            if (n == 0 || record > there || record > to_end)
                return WEFT_INVALID;
            in->record = record;
            *frame = in->ring->data + in->at + WORD;
            *len = n;
            return WEFT_OK;
        }
        if (to_end > there)
            return WEFT_INVALID;
        in->sequence++;
        in->head += to_end;
        in->at = 0;
    }
}

void weft__ring_drop(weft__ring_in *in)
{
    in->sequence++;
    in->head += in->record;
    in->at = in->at + in->record == in->size ? 0 : in->at + in->record;
    in->record = 0;
}

bool weft__ring_due(const weft__ring_in *in)
{
    return in->head - in->told >= in->size / 4;
}

bool weft__ring_tell(weft__ring_in *in)
{
    if (in->told == in->head)
        return false;
    in->told = in->head;
    /* G4; pairs with refresh_head */
    weft_atomic_store(&in->ring->head, in->head, WEFT_SEQ_CST);
    return weft_atomic_load(&in->ring->want, WEFT_SEQ_CST) &&
           weft_atomic_exchange(&in->ring->want, 0, WEFT_SEQ_CST);
}
