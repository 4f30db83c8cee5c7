/* port/handover.h: descriptors for processes of this user that were not started by this one.
 *
 * The giver listens on a socket without a place in the file system; its name and a token are the key,
 * which the caller brings to the takers by a way of its own. Who connects must run under the same user
 * and know the token; anybody else is hung up on and the giver goes on waiting. The taker looks at the
 * giver's user as well. Nothing waits longer than its deadline. */
#ifndef WEFT_PORT_HANDOVER_H
#define WEFT_PORT_HANDOVER_H

#include <stdint.h>

#include "weft/err.h"

/* What a taker must know. Plain bytes: it may travel. */
typedef struct weft__handover_key {
    uint8_t name[16], token[16];
} weft__handover_key;

typedef struct weft__handover {
    int fd;
    weft__handover_key key;
} weft__handover;

/* Listen under a fresh key. */
weft_err weft__handover_open(weft__handover *h);
/* Give copies of `fds` to `takers` processes, one after the other. WEFT_LATE: not all came. */
weft_err weft__handover_give(weft__handover *h, const int *fds, int count, int takers,
                             int64_t deadline_ns);
void weft__handover_close(weft__handover *h);

/* Take `count` descriptors, closed on exec; the caller owns them. WEFT_DENIED: the giver is another
 * user, does not accept the token or gives something else; WEFT_REFUSED: nobody gives under that name;
 * WEFT_LATE; WEFT_SYS. On failure none. */
weft_err weft__handover_take(const weft__handover_key *key, int *fds, int count,
                             int64_t deadline_ns);

#endif
