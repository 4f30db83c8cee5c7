/* port/cxx.h: what a C++ runtime keeps for each thread and a task has to take along: the exceptions that
 * it is handling and the number of those in flight (__cxa_get_globals of the Itanium C++ ABI). In a
 * program without C++ all of it is a test of one pointer. */
#ifndef WEFT_PORT_CXX_H
#define WEFT_PORT_CXX_H

#include <stdbool.h>
#include <stddef.h>

typedef struct weft__cxx {
    void *caught;
    unsigned int uncaught;
} weft__cxx;

/* Weak: NULL where no C++ runtime is loaded. Its answer is the calling thread's: never kept (R1). */
extern weft__cxx *__cxa_get_globals(void) __attribute__((weak));

/* Whether the caller has anything to take along. */
static inline bool weft__cxx_any(void)
{
    if (__builtin_expect(__cxa_get_globals == NULL, 1))
        return false;
    const weft__cxx *g = __cxa_get_globals();
    return g->caught || g->uncaught;
}

/* Take it from the thread; to be put back on the thread where the task goes on. */
static inline weft__cxx weft__cxx_take(void)
{
    weft__cxx *g = __cxa_get_globals(), mine = *g;
    *g = (weft__cxx){NULL, 0};
    return mine;
}

static inline void weft__cxx_put(weft__cxx mine)
{
    *__cxa_get_globals() = mine;
}

#endif
