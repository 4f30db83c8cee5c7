/* loop/loop.h: readiness of descriptors: what rt calls to have it, and what streams wait with. */
#ifndef WEFT_LOOP_LOOP_H
#define WEFT_LOOP_LOOP_H

#include <stdbool.h>

#include "weft/rt.h"
#include "weft/time.h"

/* Before the workers start. */
weft_err weft__readiness_open(weft *w);
/* Nobody waits any more. */
void weft__readiness_close(weft *w);

/* The readiness of a descriptor that its owner reads and writes until it would have to wait. */
typedef struct weft__ready weft__ready;

/* Watch `fd` until weft__ready_drop; it counts as ready until it was tried. WEFT_INVALID: it cannot be
 * waited for, or somebody else has it; WEFT_NOMEM. */
weft_err weft__ready_adopt(weft *w, int fd, weft__ready **r);
/* Nobody waits any more. Before `fd` is closed. */
void weft__ready_drop(weft *w, weft__ready *r, int fd);
/* Put `anew` in the place of the descriptor `fd`, which is watched, and goes on being so. */
weft_err weft__ready_replace(weft *w, weft__ready *r, int fd, int anew);
/* What was seen of `what`, WEFT_READABLE or WEFT_WRITABLE, and is worth a try; 0: nothing. It is taken: what
 * comes from now on is noted anew. Of WEFT_READABLE also WEFT__POLL_END and WEFT__POLL_URGENT. */
unsigned weft__ready_take(weft__ready *r, unsigned what);
/* After a try: there may be more of `what`, which is some of what was taken. */
void weft__ready_again(weft__ready *r, unsigned what);
/* Wait until it is worth a try. WEFT_CLOSED: shut. WEFT_LATE, WEFT_CANCELLED, WEFT_NOMEM. One at a time for
 * each direction. `verb` is what the caller does meanwhile, on what `name` says. */
weft_err weft__ready_wait(weft__ready *r, unsigned what, const char *verb, const char *name,
                          weft_deadline by);
/* Let everybody go who waits, and who comes to. */
void weft__ready_shut(weft__ready *r);

#endif
