/* base/log.h: lines for whoever runs the program; passed to the callback of the runtime. */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#include "port/err.h"
#include "port/guard.h"
#include "weft/rt.h"

typedef struct weft__log {
    weft_log_fn fn; /* NULL: silent */
    void *ctx;
    weft_level level;
    weft__guard guard; /* one line at a time */
} weft__log;

void weft__log_line(weft__log *log, weft_level level, const char *format, ...) WEFT__PRINTF(3, 4);

#endif
