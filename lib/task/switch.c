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

void weft__context_of_thread(weft__context *c)
{
    *c = (weft__context){.sp = NULL};
#if defined(WEFT__ASAN)
    void *bottom;
    weft__thread_stack(&bottom, &c->size);
    c->bottom = bottom;
#endif
#if defined(WEFT__TSAN)
    c->fiber = __tsan_get_current_fiber();
#endif
}

#if !defined(WEFT__SWITCH_UCONTEXT)
/* switch_<cpu>.S: where a fresh stack begins: calls the function with the argument below. */
void weft__switch_start(void);

/* What weft__switch finds on the stack that it goes to, lowest first; and what weft__switch_start finds
 * in the registers afterwards. */
void *weft__switch_first(void *low, void *high, void (*entry)(void *), void *arg)
{
    uintptr_t top = (uintptr_t)high & ~(uintptr_t)15;
    (void)low;
#if defined(__x86_64__)
    /* r15 r14 r13 r12 rbx rbp, and the address to go to. */
    void **sp = (void **)top - 9;
    sp[0] = sp[1] = sp[2] = sp[5] = sp[7] = sp[8] = NULL;
    sp[3] = arg;
    sp[4] = (void *)(uintptr_t)entry;
    sp[6] = (void *)(uintptr_t)weft__switch_start;
#elif defined(__aarch64__)
    /* x19 to x28, x29, x30, d8 to d15. */
    void **sp = (void **)top - 20;
    for (int i = 0; i < 20; i++)
        sp[i] = NULL;
    sp[0] = (void *)(uintptr_t)entry;
    sp[1] = arg;
    sp[11] = (void *)(uintptr_t)weft__switch_start;
#else
#error "no context switch in assembly for this processor: build with -DWEFT_SWITCH=ucontext"
#endif
    return sp;
}
#endif

void weft__context_make(weft__context *c, void *low, void *high, void (*entry)(void *), void *arg)
{
    *c = (weft__context){.sp = NULL};
#if defined(WEFT__ASAN)
    c->bottom = low;
    c->size = (size_t)((char *)high - (char *)low);
    /* What ran here before left by its last switch: its frames' red zones are still marked. */
    __asan_unpoison_memory_region(low, c->size);
#endif
#if defined(WEFT__TSAN)
    c->fiber = __tsan_create_fiber(0);
#endif
    c->sp = weft__switch_first(low, high, entry, arg);
}

void weft__context_end(weft__context *c)
{
#if defined(WEFT__TSAN)
    __tsan_destroy_fiber(c->fiber);
#endif
    c->sp = NULL;
}

#if defined(WEFT__SWITCH_TOLD)
int weft__switch_to(weft__context *from, weft__context *to, void (*after)(void *arg), void *arg)
{
    to->after = after;
    to->after_arg = arg;
#if defined(WEFT__TSAN)
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
#if defined(WEFT__ASAN)
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
    weft__switch(&from->sp, to->sp, NULL, NULL);
#if defined(WEFT__ASAN)
    __sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
    if (from->after)
        from->after(from->after_arg);
    return 0;
}

void weft__switch_entered(weft__context *self)
{
#if defined(WEFT__ASAN)
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
    if (self->after)
        self->after(self->after_arg);
}
#endif
