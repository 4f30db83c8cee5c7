/* port/err.h: how the inside of the library reports errors; at the very bottom, because the port fails too.
 *
 * weft__fail sets the detail of the calling task or thread and gives the error back:
 *     return weft__fail(WEFT_LOST, "barrier: rank %d died", r);
 * A task's detail lives with its stack (weft/fork.h: struct weft__record), a thread's with the thread. */
#ifndef WEFT_PORT_ERR_H
#define WEFT_PORT_ERR_H

#include "weft/err.h"

enum { WEFT__DETAIL_MAX = 512 };
/* The last of weft_err: what a peer sends beyond it is none. */
enum { WEFT__ERR_LAST = WEFT_REFUSED };

typedef struct weft__detail {
    char text[WEFT__DETAIL_MAX];
} weft__detail;

#define WEFT__PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Set the detail and return `e`. errno is untouched. */
weft_err weft__fail(weft_err e, const char *format, ...) WEFT__PRINTF(2, 3);
/* Put "TEXT: " before the detail that is there and return `e`. */
weft_err weft__fail_in(weft_err e, const char *format, ...) WEFT__PRINTF(2, 3);

/* The program broke a rule: say so with its place in the source and abort. */
_Noreturn void weft__misuse(const char *where, const char *format, ...) WEFT__PRINTF(2, 3);

#endif
