/* task/switch.h: leaving one stack for another.
 *
 * A context is a stack pointer; everything else that must survive lies on the stack that it points
 * to. Only the registers that the calling convention keeps are saved: floating point modes do not
 * travel. The sanitizers and Valgrind are told of each switch; without them the extra fields are not
 * there and weft__switch_to is one jump. */
#ifndef WEFT_TASK_SWITCH_H
#define WEFT_TASK_SWITCH_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(WEFT__ASAN)
#define WEFT__ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(WEFT__TSAN)
#define WEFT__TSAN 1
#endif
#if defined(WEFT__ASAN) || defined(WEFT__TSAN)
#define WEFT__SWITCH_TOLD 1
#endif

typedef struct weft__context {
    void *sp;
#if defined(WEFT__SWITCH_TOLD)
    void (*after)(void *arg); /* to be called first by who was switched to */
    void *after_arg;
#endif
#if defined(WEFT__ASAN)
    void *fake;         /* its saved fake stack while it is left */
    const void *bottom; /* the stack that it runs on */
    size_t size;
#endif
#if defined(WEFT__TSAN)
    void *fiber;
#endif
} weft__context;

/* switch_<cpu>.S or switch_ucontext.c. Leave this stack, with its pointer in *save, for the one that `load` points to; there
 * call after(arg), unless it is NULL, and go on. Returns 0 when somebody comes back. */
int weft__switch(void **save, void *load, void (*after)(void *arg), void *arg);

/* What weft__switch is to load to call entry(arg) on the stack [low, high), which lies there. */
void *weft__switch_first(void *low, void *high, void (*entry)(void *), void *arg);

/* Make `c` the context of the calling thread, on its native stack. */
void weft__context_of_thread(weft__context *c);
/* Make `c` one that calls entry(arg) on the stack [low, high) when first switched to; entry must not
 * return, and calls weft__switch_entered first. */
void weft__context_make(weft__context *c, void *low, void *high, void (*entry)(void *), void *arg);
/* `c` is not running and will not be switched to any more. */
void weft__context_end(weft__context *c);

/* Leave `from` for `to`, where after(arg) is called before anything else; returns 0 when somebody
 * switches back. `after` must not wait. */
#if defined(WEFT__SWITCH_TOLD)
int weft__switch_to(weft__context *from, weft__context *to, void (*after)(void *arg), void *arg);
void weft__switch_entered(weft__context *self);
#else
static inline int weft__switch_to(weft__context *from, weft__context *to, void (*after)(void *arg),
                                  void *arg)
{
    return weft__switch(&from->sp, to->sp, after, arg);
}
static inline void weft__switch_entered(weft__context *self)
{
    (void)self;
}
#endif

#endif
