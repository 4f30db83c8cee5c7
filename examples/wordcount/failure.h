/* failure.h: the first thing that went wrong in some part of the program, and what it said. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>
#include <stdio.h>

#include "weft/err.h"

typedef struct failure {
    weft_err error;
    char text[256]; /* what was being done, and why it failed */
} failure;

/* Keep what the call that just returned `e` has to say, unless something is kept already. */
static inline void failure_set(failure *f, const char *doing, weft_err e)
{
    if (e == WEFT_OK || f->error != WEFT_OK)
        return;
    f->error = e;
    snprintf(f->text, sizeof f->text, "%s: %s%s%s", doing, weft_strerror(e),
             weft_detail()[0] != '\0' ? ": " : "", weft_detail());
}

/* Keep that memory ran out. */
static inline void failure_memory(failure *f, const char *doing)
{
    if (f->error != WEFT_OK)
        return;
    f->error = WEFT_NOMEM;
    snprintf(f->text, sizeof f->text, "%s: out of memory", doing);
}

#endif
