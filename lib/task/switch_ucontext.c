/* The context switch for processors without one in assembly (or by -DWEFT_SWITCH=ucontext): the C
 * library's. It saves the signal mask too, by a system call each time. */
#include <stdint.h>
#include <ucontext.h>

#include "task/switch.h"

/* Who left its stack, at the place to which it goes back; it lies on that stack. */
struct left {
    ucontext_t context;
    void (*after)(void *arg); /* written by who switches to it */
    void *after_arg;
    void (*entry)(void *arg); /* of a stack that was not entered yet */
    void *arg;
};

int weft__switch(void **save, void *load, void (*after)(void *arg), void *arg)
{
    struct left me, *to = load;
    to->after = after;
    to->after_arg = arg;
    *save = &me;
    (void)swapcontext(&me.context, &to->context);
    if (me.after)
        me.after(me.after_arg);
    return 0;
}

/* makecontext passes numbers of the size of int only. */
static void start(unsigned high, unsigned low)
{
    struct left *me = (struct left *)((uintptr_t)high << 16 << 16 | low);
    if (me->after)
        me->after(me->after_arg);
    me->entry(me->arg);
}

void *weft__switch_first(void *low, void *high, void (*entry)(void *), void *arg)
{
    uintptr_t at = ((uintptr_t)high - sizeof(struct left)) & ~(uintptr_t)63;
    struct left *me = (struct left *)at;
    (void)getcontext(&me->context);
    me->context.uc_stack.ss_sp = low;
    me->context.uc_stack.ss_size = at - (uintptr_t)low;
    me->context.uc_link = NULL;
    me->entry = entry;
    me->arg = arg;
    makecontext(&me->context, (void (*)(void))(uintptr_t)start, 2, (unsigned)(at >> 16 >> 16),
                (unsigned)at);
    return me;
}
