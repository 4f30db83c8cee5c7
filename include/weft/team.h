/* weft/team.h: what all processes of a job do together.
 *
 *     e = weft_team_barrier(weft_job(w), weft_in_s(10));   // WEFT_LATE names who did not come
 *
 * Every rank makes the same collective calls on a team in the same order, one at a time. No call
 * waits for ever after a failure: it completes, or returns WEFT_LOST and names the rank that died or
 * left. The first rank that gives up, late or cancelled, ends the call for all: they return an error
 * too. A collective that returned an error has not happened; the team can then only be left.
 */
#ifndef WEFT_TEAM_H
#define WEFT_TEAM_H

#include <stddef.h>

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one rank contributed to a gather. */
typedef struct weft_part {
    void *data; /* aligned for any 8-byte type */
    size_t len; /* bytes; data is NULL if 0 */
} weft_part;

/* This process's number in the team.
 * Returns 0 to weft_team_size - 1.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_team_rank(const weft_team *t);

/* How many processes the team has.
 * Returns 1 or more.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_team_size(const weft_team *t);

/* Wait until every rank called it.
 * Returns WEFT_OK, WEFT_LATE or WEFT_LOST (the detail names a rank), WEFT_INVALID (another rank made
 * another call), or WEFT_CANCELLED.
 * Owns: nothing.   Caller: one task or thread of each rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_team_barrier(weft_team *t, weft_deadline by);

/* Bring `len` bytes of each rank to `root`; lengths may differ, 0 is allowed. On root *parts becomes
 * an array of weft_team_size parts in rank order, elsewhere NULL.
 * Returns WEFT_OK once `data` may be changed again (and, on root, all of it is there); WEFT_LATE or
 * WEFT_LOST (the detail names a rank), WEFT_CANCELLED, WEFT_NOMEM, or WEFT_INVALID (no such root, or
 * another rank made another call).
 * Owns: `data` stays the caller's; the caller frees *parts with weft_parts_free.
 * Caller: one task or thread of each rank.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_team_gather(weft_team *t, int root, const void *data,
                                                size_t len, weft_part **parts, weft_deadline by);

/* Free what weft_team_gather gave and set *parts to NULL; does nothing if *parts is NULL.
 * Returns nothing.   Owns: takes the parts.   Caller: anyone.   Switches: no. */
WEFT_API void weft_parts_free(weft_part **parts);

#ifdef __cplusplus
}
#endif
#endif
