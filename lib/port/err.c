#include "port/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/here.h"

/* The detail of a thread that runs no task. */
static _Thread_local weft__detail own;

static weft__detail *detail(void)
{
    weft__detail *d = weft__here()->detail;
    return d ? d : &own;
}

const char *weft_detail(void)
{
    return detail()->text;
}

weft_err weft__fail(weft_err e, const char *format, ...)
{
    int saved = errno;
    /* The arguments may quote the detail that is being replaced. */
    char text[WEFT__DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(detail()->text, text, strlen(text) + 1);
    errno = saved;
    return e;
}

/* The program's name for the same. */
weft_err weft_fail(weft_err e, const char *format, ...) __attribute__((alias("weft__fail")));

weft_err weft__fail_in(weft_err e, const char *format, ...)
{
    char text[WEFT__DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return weft__fail(e, "%s: %s", text, weft_detail());
}

void weft__misuse(const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weft: %s: misuse: ", where);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

const char *weft_strerror(weft_err e)
{
    static const char *const names[] = {
        [WEFT_OK] = "ok",
        [WEFT_LATE] = "late",
        [WEFT_CLOSED] = "closed",
        [WEFT_CANCELLED] = "cancelled",
        [WEFT_FULL] = "full",
        [WEFT_EMPTY] = "empty",
        [WEFT_LOST] = "peer lost",
        [WEFT_STALE] = "stale",
        [WEFT_DEADLOCK] = "deadlock",
        [WEFT_NOMEM] = "out of memory or descriptors",
        [WEFT_INVALID] = "invalid",
        [WEFT_DENIED] = "permission denied",
        [WEFT_MISSING] = "not found",
        [WEFT_TOOBIG] = "too big",
        [WEFT_SYS] = "system error",
        [WEFT_INUSE] = "in use",
        [WEFT_REFUSED] = "refused",
    };
    if ((unsigned)e >= sizeof names / sizeof *names)
        return "unknown error";
    return names[e];
}
