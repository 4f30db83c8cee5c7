#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void weft__log_line(weft__log *log, weft_level level, const char *format, ...)
{
    if (!log->fn || level > log->level)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    weft__guard_take(&log->guard);
    log->fn(log->ctx, level, line);
    weft__guard_drop(&log->guard);
}
