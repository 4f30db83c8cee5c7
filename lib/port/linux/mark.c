#include "port/mark.h"

#if !(defined(__x86_64__) || defined(__aarch64__)) || defined(WEFT__HERE_BY_CALL)
static _Thread_local uint64_t mark;

__attribute__((noinline)) uintptr_t weft__thread_mark(void)
{
    __asm__ volatile(""); /* R1: no caller may keep the address of the thread's variable */
    return (uintptr_t)&mark;
}
#else
_Static_assert(sizeof(uintptr_t) == 8, "a mark is a word of the thread's own");
#endif
