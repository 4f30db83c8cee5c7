/* sync/spin.h: when a wait may look again and again before it leaves its stack. */
#ifndef WEFT_SYNC_SPIN_H
#define WEFT_SYNC_SPIN_H

#include <stdbool.h>

/* Whether another CPU can be working on what the caller wants: the caller's workers have a CPU each, and
 * there is more than one. */
bool weft__spin_pays(void);

#endif
