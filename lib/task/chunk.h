/* task/chunk.h: address space for many stacks of one size, and which of them have memory.
 *
 * A chunk is a row of cells. With guards there is a guard page below each cell; without, only below the
 * first, and the top word of each cell holds a canary, which an overflow of the cell above it breaks.
 * A chunk stays mapped until its pool ends; cells are made from the lowest on, so that the one below is
 * always there. */
#ifndef WEFT_TASK_CHUNK_H
#define WEFT_TASK_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"

typedef WEFT_ATOMIC(uint64_t) weft__canary;
static const uint64_t weft__canary_value = 0x7765667420746f70u;

/* What a cell's memory is. Changed under the guard of the pool. */
typedef enum weft__cell_state {
    WEFT__CELL_COLD,    /* given back: zero, and free */
    WEFT__CELL_BETWEEN, /* on the way to or from that: its canary may be there or zero */
    WEFT__CELL_LIVE
} weft__cell_state;

/* How stacks are kept from running into each other. */
typedef enum weft__guarding {
    WEFT__GUARDS_LIGHT, /* guard pages that need no mapping */
    WEFT__GUARDS_MAPPED,
    WEFT__GUARDS_NONE /* canaries */
} weft__guarding;

typedef struct weft__chunk {
    /* Written before the chunk is listed; read by the handler of a fault too. */
    WEFT_ATOMIC(struct weft__chunk *) next;
    char *at;     /* a guard page, and the cells above it */
    size_t bytes; /* of all */
    size_t size;  /* of a stack */
    size_t stride;
    size_t page;
    weft__guarding guarding;
    uint32_t cells;
    uint32_t made; /* cells that have been used; under the guard of the pool, as what follows */
    uint32_t cold; /* how many are so, and where the first may be */
    uint32_t seek;
    WEFT_ATOMIC(uint8_t) state[]; /* a weft__cell_state each; read by the handler of a fault too */
} weft__chunk;

/* Room for `cells` stacks, or for fewer if there is not so much address space. WEFT_NOMEM: not even one. */
weft_err weft__chunk_open(weft__chunk **c, size_t size, weft__guarding guarding, uint32_t cells);
void weft__chunk_close(weft__chunk *c);

/* Take a cell that was given back; false: there is none. It is BETWEEN now. */
bool weft__chunk_warm(weft__chunk *c, uint32_t *cell);
/* Take one more that never was used; c->made < c->cells. WEFT_NOMEM: no mapping left for its guard. */
weft_err weft__chunk_more(weft__chunk *c, uint32_t *cell);
/* The memory of a cell that is BETWEEN was given back. */
void weft__chunk_cool(weft__chunk *c, uint32_t cell);

/* The lowest address of the cell. */
static inline char *weft__chunk_low(const weft__chunk *c, uint32_t cell)
{
    return c->at + c->page + cell * c->stride;
}

/* The word below the cell that must not change, or NULL if a guard page is there. */
weft__canary *weft__chunk_canary(const weft__chunk *c, uint32_t cell);
/* The cell that is right above the guard page with `at` in it. False: there is none. */
bool weft__chunk_guards(const weft__chunk *c, const void *at, uint32_t *cell);

#endif
