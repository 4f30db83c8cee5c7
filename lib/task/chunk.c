#include "task/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "port/map.h"

static weft_err map(weft__chunk *c, uint32_t cells)
{
    void *at = NULL;
    for (;; cells /= 2) {
        c->cells = cells;
        c->bytes = cells * c->stride + (c->stride == c->size ? c->page : 0);
        weft_err e = weft__stacks_map(c->bytes, &at);
        c->at = at;
        if (e == WEFT_OK || cells == 1)
            return e;
    }
}

weft_err weft__chunk_open(weft__chunk **out, size_t size, weft__guarding guarding, uint32_t cells)
{
    weft__chunk *c = calloc(1, sizeof *c + cells * sizeof c->state[0]);
    if (!c)
        return weft__fail(WEFT_NOMEM, "stacks: out of memory");
    c->size = size;
    c->page = weft__page_size();
    c->stride = size + (guarding == WEFT__GUARDS_NONE ? 0 : c->page);
    c->guarding = guarding;
    weft_err e = map(c, cells);
    if (e != WEFT_OK) {
        free(c);
        return e;
    }
    *out = c;
    return WEFT_OK;
}

void weft__chunk_close(weft__chunk *c)
{
    weft__stacks_unmap(c->at, c->bytes);
    free(c);
}

bool weft__chunk_warm(weft__chunk *c, uint32_t *cell)
{
    if (c->cold == 0)
        return false;
    uint32_t i = c->seek;
    while (weft_atomic_load(&c->state[i], WEFT_RELAXED) != WEFT__CELL_COLD)
        i++;
    weft_atomic_store(&c->state[i], WEFT__CELL_BETWEEN, WEFT_RELAXED);
    c->cold--;
    c->seek = i + 1;
    *cell = i;
    return true;
}

void weft__chunk_cool(weft__chunk *c, uint32_t cell)
{
    weft_atomic_store(&c->state[cell], WEFT__CELL_COLD, WEFT_RELAXED);
    if (c->cold++ == 0 || cell < c->seek)
        c->seek = cell;
}

weft_err weft__chunk_more(weft__chunk *c, uint32_t *cell)
{
    uint32_t i = c->made;
    if (c->guarding != WEFT__GUARDS_NONE || i == 0) {
        void *page = weft__chunk_low(c, i) - c->page;
        weft_err e = WEFT_NOMEM;
        if (c->guarding == WEFT__GUARDS_LIGHT)
            e = weft__stacks_guard(page, true);
        if (e != WEFT_OK) /* or it is locked in memory, where there are no light ones */
            e = weft__stacks_guard(page, false);
        if (e != WEFT_OK)
            return e;
    }
    weft_atomic_store(&c->state[i], WEFT__CELL_BETWEEN, WEFT_RELAXED);
    c->made++;
    *cell = i;
    return WEFT_OK;
}

weft__canary *weft__chunk_canary(const weft__chunk *c, uint32_t cell)
{
    if (c->guarding != WEFT__GUARDS_NONE || cell == 0)
        return NULL;
    return (weft__canary *)(void *)(weft__chunk_low(c, cell) - sizeof(weft__canary));
}

bool weft__chunk_guards(const weft__chunk *c, const void *at, uint32_t *cell)
{
    uintptr_t offset = (uintptr_t)at - (uintptr_t)c->at;
    if (offset >= c->bytes || offset % c->stride >= c->page)
        return false;
    *cell = (uint32_t)(offset / c->stride);
    return c->guarding != WEFT__GUARDS_NONE || *cell == 0;
}
