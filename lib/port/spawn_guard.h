/* port/spawn_guard.h: a process that outlives its parent by a moment, to end what that left behind.
 *
 * Started before anything else. It sleeps on a pipe; when the parent is gone without having stopped
 * it (killed, say), it kills the process groups that stand in `groups`, and whoever left these groups
 * but still carries the mark in its environment. It stands in a session of its own and heeds no
 * signal that can be blocked.
 */
#ifndef WEFT_PORT_SPAWN_GUARD_H
#define WEFT_PORT_SPAWN_GUARD_H

#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"

typedef WEFT_ATOMIC(int32_t) weft__group;

typedef struct weft__spawn_guard {
    int pid, pipe;
    int count;
    weft__group *groups; /* shared; written by the parent and its children, 0: none */
} weft__spawn_guard;

/* Start it, with room for `groups` process groups. `mark`: "NAME=VALUE", in the environment of all
 * that the parent will start, and of nobody else. */
weft_err weft__spawn_guard_start(weft__spawn_guard *g, int groups, const char *mark);
/* End it and wait for it. */
void weft__spawn_guard_stop(weft__spawn_guard *g);

#endif
