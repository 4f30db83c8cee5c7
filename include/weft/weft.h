/* weft/weft.h: everything. One header for each noun; include this one or just those you use. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/address.h"
#include "weft/atomic.h"
#include "weft/cli.h"
#include "weft/err.h"
#include "weft/fork.h"
#include "weft/gather.h"
#include "weft/io.h"
#include "weft/par.h"
#include "weft/queue.h"
#include "weft/rt.h"
#include "weft/stream.h"
#include "weft/sync.h"
#include "weft/task.h"
#include "weft/team.h"
#include "weft/time.h"
#include "weft/timer.h"

#endif
