/* weft/weft.h: everything. One header for each noun; include this one or just those you use. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/address.h"
#include "weft/atomic.h"
#include "weft/cli.h"
#include "weft/dir.h"
#include "weft/err.h"
#include "weft/file.h"
#include "weft/fork.h"
#include "weft/io.h"
#include "weft/par.h"
#include "weft/process.h"
#include "weft/queue.h"
#include "weft/rt.h"
#include "weft/signal.h"
#include "weft/stream.h"
#include "weft/sync.h"
#include "weft/task.h"
#include "weft/team.h"
#include "weft/time.h"

#endif
