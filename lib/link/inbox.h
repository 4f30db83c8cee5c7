/* link/inbox.h: puts the frames of one peer together into letters. Used by the one that serves. */
#ifndef WEFT_LINK_INBOX_H
#define WEFT_LINK_INBOX_H

#include "link/block.h"
#include "link/mail.h"

typedef struct weft__inbox {
    weft__blocks *blocks; /* where letters come from */
    uint32_t sequence;    /* of the next frame */
    weft__letter *letter; /* begun, or NULL */
    uint64_t filled;      /* bytes of it that came */
} weft__inbox;

/* Take a frame of `from`. *letter is the letter that it completed, the caller's, or NULL.
 * WEFT_OK; WEFT_INVALID: it breaks a rule, *why says which; WEFT_NOMEM, *why says so. */
weft_err weft__inbox_take(weft__inbox *in, int from, const void *frame, uint32_t len,
                          weft__letter **letter, const char **why);
/* Forget what was begun; returns whether anything was. */
bool weft__inbox_clear(weft__inbox *in);

#endif
