#include "link/block.h"

#include <stdlib.h>

#include "port/populate.h"

enum {
    SMALL = 2048,         /* up to here malloc does as well */
    POPULATE = 32 * 1024, /* from here on pages are made in one go */
    NO_KIND = -1
};

static size_t size_of(int kind)
{
    size_t whole = (size_t)4096 << kind / 2;
    return kind % 2 ? whole + whole / 2 : whole;
}

static int kind_of(size_t size)
{
    if (size <= SMALL || size > size_of(WEFT__BLOCK_CLASSES - 1))
        return NO_KIND;
    int kind = 0;
    while (size_of(kind) < size)
        kind++;
    return kind;
}

void *weft__block_get(weft__blocks *b, size_t size)
{
    int kind = kind_of(size);
    struct weft__block_link *l = NULL;
    if (kind != NO_KIND) {
        weft__guard_take(&b->guard);
        l = b->free[kind];
        if (l) {
            b->free[kind] = l->next;
            b->kept -= size_of(kind);
        }
        weft__guard_drop(&b->guard);
    }
    if (l)
        return l;
    void *fresh = malloc(kind == NO_KIND ? size : size_of(kind));
    /* Not what a peer only says that it will send. */
    if (fresh && size >= POPULATE && kind != NO_KIND)
        weft__populate(fresh, size);
    return fresh;
}

void weft__block_put(weft__blocks *b, void *block, size_t size)
{
    int kind = kind_of(size);
    if (block && kind != NO_KIND) {
        struct weft__block_link *l = block;
        weft__guard_take(&b->guard);
        bool keep = b->kept + size_of(kind) <= WEFT__BLOCKS_KEPT_MAX;
        if (keep) {
            l->next = b->free[kind];
            b->free[kind] = l;
            b->kept += size_of(kind);
        }
        weft__guard_drop(&b->guard);
        if (keep)
            return;
    }
    free(block);
}

void weft__blocks_fini(weft__blocks *b)
{
    for (int i = 0; i < WEFT__BLOCK_CLASSES; i++)
        for (struct weft__block_link *l = b->free[i], *next; l; l = next) {
            next = l->next;
            free(l);
        }
    *b = (weft__blocks){.kept = 0};
}
