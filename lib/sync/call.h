/* sync/call.h: the calls of weft/gather.h as tasks of a scope. */
#ifndef WEFT_SYNC_CALL_H
#define WEFT_SYNC_CALL_H

#include "weft/gather.h"

/* `place`, or that of the calling task if it is NULL. NULL, with the detail set: the caller is no task. */
weft_place *weft__call_place(weft_place *place);
/* Start all `calls` as tasks of `s`, each to run `ended` with what it belongs to, `of`, and itself once its
 * result is there. WEFT_NOMEM: some may have been started; those that were not have been cancelled. */
weft_err weft__call_all(weft_scope *s, weft_call *calls, size_t n, void *of,
                        weft_err (*run)(void *call));
/* Make `c`, the calling task's. */
void weft__call_make(weft_call *c);

#endif
