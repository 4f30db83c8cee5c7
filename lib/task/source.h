/* task/source.h: something outside of the workers that makes work: a link, say.
 *
 * The workers look at every source at each scheduler turn, and sleep only after each has been armed.
 * look() may be called by any worker at any time and must be cheap (a load or two). The others are
 * called by the holder of the poll token only, so never twice at once, on a worker's own stack: they
 * may unpark, but never park. A descriptor that shall wake the sleeping holder is given to the
 * poller with weft__source_watch.
 */
#ifndef WEFT_TASK_SOURCE_H
#define WEFT_TASK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "weft/rt.h"

typedef struct weft__source {
    weft__list node;
    void *ctx;
    bool (*look)(void *ctx);  /* may serve() have something to do? */
    void (*serve)(void *ctx); /* do all there is to do now */
    /* About to sleep: have whoever makes work ring. False: there is work already, do not sleep. */
    bool (*arm)(void *ctx);
    void (*disarm)(void *ctx); /* awake again; no need to ring */
    /* When it wants to be served again without a ring, monotonic ns; INT64_MAX: never. May be NULL. */
    int64_t (*due)(void *ctx);
} weft__source;

/* Before the workers start. */
void weft__source_add(weft *w, weft__source *s);
/* With all workers stopped. */
void weft__source_remove(weft *w, weft__source *s);
/* Have the poller wake the holder of the token when `fd` is readable. serve() must drain it. */
weft_err weft__source_watch(weft *w, weft__source *s, int fd);
/* Have serve() called soon, from any thread: wakes the poller if it sleeps. */
void weft__source_kick(weft *w);

#endif
