/* model/leave.h: tasks that leave their stacks, in models, with wait.c and worker.c.
 *
 * Each thread of the model is a worker with one task. What the worker would do while that task waits is
 * left out: the thread sleeps until somebody makes the task ready.
 *
 * What else the library asks of others is in leave.c, weakly: each model defines only what it is about. */
#ifndef WEFT_MODEL_LEAVE_H
#define WEFT_MODEL_LEAVE_H

#include "model/checker.h"
#include "model/port.h"
#include "task/worker.h"

enum { WORKERS = 3 };

extern weft rt;
extern weft__worker workers[WORKERS];
extern weft__stack stacks[WORKERS];
extern weft__task tasks[WORKERS];

/* In each before(): thread `i` runs tasks[i]. A task, unless it is made a thread. */
void begin_workers(void);

#endif
