/* team/absent.h: naming who did not come. */
#ifndef WEFT_TEAM_ABSENT_H
#define WEFT_TEAM_ABSENT_H

#include "team/round.h"

/* WEFT_LATE with a detail that names the ranks which are not known to have come to this round. The
 * guard of the inbox is held. */
weft_err weft__absent_fail(weft__round *r);

/* "rank 3", or "ranks 3, 5, 9 and 12 more": those of `size` for which absent(ctx, rank). Returns how
 * many they are. */
int weft__absent_list(char *buf, size_t cap, int size, bool (*absent)(void *ctx, int rank),
                      void *ctx);

#endif
