/* port/here.h: who runs on this thread, for what lies below the task layer. The record itself, and how
 * it is read, are in weft/fork.h. */
#ifndef WEFT_PORT_HERE_H
#define WEFT_PORT_HERE_H

#include "weft/fork.h"

/* The record of a thread that runs no task. */
extern struct weft__record weft__here_nobody;

/* From now on `h` runs on the calling thread. Only right before the switch to
 * the stack that `h` belongs to, or in frames that ask no more. */
#if defined(__x86_64__) && !defined(WEFT__HERE_BY_CALL)
static inline void weft__here_set(struct weft__record *h)
{
    uintptr_t at;
    __asm__ volatile("movq weft__here_of_thread@gottpoff(%%rip), %0\n\tmovq %1, %%fs:(%0)"
                     : "=&r"(at)
                     : "r"(h)
                     : "memory");
}
#else
void weft__here_set(struct weft__record *h);
#endif

#endif
