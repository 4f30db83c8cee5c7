#include "task/switch.h"

#include <stdint.h>

#include "port/thread.h"

#if defined(WEFT__ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WEFT__TSAN)
#include <sanitizer/tsan_interface.h>
#endif

/* switch_<cpu>.S: push what the calling convention keeps, *save = sp, sp = load, pop, jump. */
void weft__switch(void **save, void *load);
/* switch_<cpu>.S: where a fresh stack begins: calls the function with the argument below. */
void weft__switch_start(void);

void weft__context_of_thread(weft__context *c)
{
    c->sp = NULL;
#if defined(WEFT__ASAN)
    void *bottom;
    weft__thread_stack(&bottom, &c->size);
    c->bottom = bottom;
    c->fake = NULL;
#endif
#if defined(WEFT__TSAN)
    c->fiber = __tsan_get_current_fiber();
#endif
}

void weft__context_make(weft__context *c, void *low, void *high, void (*entry)(void *), void *arg)
{
#if defined(WEFT__ASAN)
    c->bottom = low;
    c->size = (size_t)((char *)high - (char *)low);
    c->fake = NULL;
    /* What ran here before left by its last switch: its frames' red zones are still marked. */
    __asan_unpoison_memory_region(low, c->size);
#else
    (void)low;
#endif
#if defined(WEFT__TSAN)
    c->fiber = __tsan_create_fiber(0);
#endif
#if defined(__x86_64__)
    /* What weft__switch pops: r15 r14 r13 r12 rbx rbp, then the address to jump to. The start finds
     * the function in rbx and its argument in r12. Its stack is aligned to 16 there. */
    uintptr_t top = (uintptr_t)high & ~(uintptr_t)15;
    void **sp = (void **)top - 9;
    sp[0] = sp[1] = sp[2] = NULL;
    sp[3] = arg;
    sp[4] = (void *)(uintptr_t)entry;
    sp[5] = NULL;
    sp[6] = (void *)(uintptr_t)weft__switch_start;
    sp[7] = sp[8] = NULL;
    c->sp = sp;
#else
#error                                                                                             \
    "no context switch for this processor: add lib/task/switch_<processor>.S and its first frame here"
#endif
}

void weft__context_end(weft__context *c)
{
#if defined(WEFT__TSAN)
    __tsan_destroy_fiber(c->fiber);
#endif
    c->sp = NULL;
}

void weft__switch_to(weft__context *from, weft__context *to, int last)
{
    (void)last;
#if defined(WEFT__TSAN)
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
#if defined(WEFT__ASAN)
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->bottom, to->size);
#endif
    weft__switch(&from->sp, to->sp);
#if defined(WEFT__ASAN)
    __sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

void weft__switch_entered(weft__context *self)
{
    (void)self;
#if defined(WEFT__ASAN)
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}
