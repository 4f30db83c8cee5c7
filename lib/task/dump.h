/* task/dump.h: what an engine is doing, for a report of a hang. */
#ifndef WEFT_TASK_DUMP_H
#define WEFT_TASK_DUMP_H

#include "weft/rt.h"

/* Hand line(arg, text) a line for each worker, each task that has not ended and each forked child that
 * somebody took. From any thread, while the engine is open; a guess where things move on meanwhile. */
void weft__engine_dump(weft *w, void (*line)(void *arg, const char *text), void *arg);

#endif
