/* loop/turn.h: a task whose calls never have to wait lets others have a turn now and then. */
#ifndef WEFT_LOOP_TURN_H
#define WEFT_LOOP_TURN_H

#include <stddef.h>

#include "weft/task.h"

enum {
    WEFT__TURN_BYTES =
        128 * 1024,         /* so many, or what counts for them, come between two turns of others */
    WEFT__TURN_CALL = 4096, /* what a call itself counts for */
    WEFT__TURN_ACCEPT = 16 * 1024 /* and one that makes a connection */
};

/* The caller did not have to wait for `n` bytes; *row counts them since it last did. Switches. */
static inline void weft__no_wait(size_t *row, size_t n)
{
    *row += n + WEFT__TURN_CALL;
    if (*row < WEFT__TURN_BYTES)
        return;
    *row = 0;
    (void)weft_yield(); /* who is cancelled hears of it at its next call */
}

#endif
