/* share/share.h: what rt calls to have shared queues. */
#ifndef WEFT_SHARE_SHARE_H
#define WEFT_SHARE_SHARE_H

#include "team/team.h"

/* Register the handlers of QUEUE letters; before the workers start. */
weft_err weft__share_create(weft_team *t);
/* Queues that are still open are freed; what is in them is lost. */
void weft__share_destroy(weft_team *t);

#endif
