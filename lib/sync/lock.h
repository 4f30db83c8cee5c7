/* sync/lock.h: what the condition needs of the lock. */
#ifndef WEFT_SYNC_LOCK_H
#define WEFT_SYNC_LOCK_H

#include "task/wait.h"
#include "weft/sync.h"

/* Whether `self`, the caller, holds it. */
bool weft__lock_mine(weft_lock *l, const weft__waiter *self);
/* Take it for `self`, the caller, neither late nor cancelled. */
void weft__lock_take(weft_lock *l, weft__waiter *self);
/* Give up what `self`, the caller, holds. */
void weft__lock_give(weft_lock *l, weft__waiter *self);

#endif
