/* port/catch.h: signals of a process with threads, counted by handlers of ours.
 *
 * The handlers count and ring a bell, nothing else. They belong to the process: each signal has at most
 * one catch at a time. port/signals.h is for a process with one thread. */
#ifndef WEFT_PORT_CATCH_H
#define WEFT_PORT_CATCH_H

#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"

enum { WEFT__CATCH_NUMBERS = 65 };

typedef struct weft__catch {
    int bell; /* rung by the handlers; readable while something may have come */
    int last; /* what was handed out last; its taker's */
    /* How often each came that was not handed out; added to by handlers, taken from by the taker. */
    WEFT_ATOMIC(uint32_t) came[WEFT__CATCH_NUMBERS];
} weft__catch;

/* Catch `numbers` from now on. WEFT_INUSE: another catch has one of them; WEFT_INVALID: not for catching. */
weft_err weft__catch_open(weft__catch *c, const int *numbers, int n);
/* One that came and is handed out now, in turns; 0: none. One caller at a time. */
int weft__catch_take(weft__catch *c);
/* Put back what was there. When it returns no handler uses `c` any more. */
void weft__catch_close(weft__catch *c);

#endif
