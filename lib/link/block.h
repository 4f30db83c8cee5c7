/* link/block.h: memory for letters, kept for the next letter: fresh memory costs more to touch than
 * a letter costs to copy.
 *
 * A block comes from malloc, so that its owner may also free() it: then it is just not kept. */
#ifndef WEFT_LINK_BLOCK_H
#define WEFT_LINK_BLOCK_H

#include <stddef.h>

#include "port/guard.h"

enum {
    WEFT__BLOCK_CLASSES = 17,        /* 4 KiB, 6 KiB, 8 KiB ... 1 MiB */
    WEFT__BLOCKS_KEPT_MAX = 16 << 20 /* bytes that are kept */
};

/* All zero is empty. Any thread. */
typedef struct weft__blocks {
    weft__guard guard;
    size_t kept; /* bytes in `free` */
    struct weft__block_link {
        struct weft__block_link *next;
    } * free[WEFT__BLOCK_CLASSES];
} weft__blocks;

/* `size` bytes, or NULL. */
void *weft__block_get(weft__blocks *b, size_t size);
/* Give back what weft__block_get gave for the same `size`; NULL does nothing. */
void weft__block_put(weft__blocks *b, void *block, size_t size);
/* Free all that is kept. */
void weft__blocks_fini(weft__blocks *b);

#endif
