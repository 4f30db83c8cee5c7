/* port/mark.h: which thread this is, as cheaply as can be. */
#ifndef WEFT_PORT_MARK_H
#define WEFT_PORT_MARK_H

#include <stdint.h>

/* A number that no other thread of the process has while this one lives: even, and never 0. A later thread
 * may have it again. Read anew at each call (R1). */
#if defined(__x86_64__) && !defined(WEFT__HERE_BY_CALL)
static inline uintptr_t weft__thread_mark(void)
{
    uintptr_t mark;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(mark));
    return mark;
}
#elif defined(__aarch64__) && !defined(WEFT__HERE_BY_CALL)
static inline uintptr_t weft__thread_mark(void)
{
    uintptr_t mark;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(mark));
    return mark;
}
#else
uintptr_t weft__thread_mark(void);
#endif

#endif
