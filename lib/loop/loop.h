/* loop/loop.h: what rt calls to have readiness. */
#ifndef WEFT_LOOP_LOOP_H
#define WEFT_LOOP_LOOP_H

#include "weft/rt.h"

/* Before the workers start. */
weft_err weft__readiness_open(weft *w);
/* Nobody waits any more. */
void weft__readiness_close(weft *w);

#endif
