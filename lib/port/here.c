#include "port/here.h"

/* Of a thread that runs no task: nothing can be pushed, and every join calls. */
struct weft__record weft__here_nobody = {.limit = WEFT_ATOMIC_INIT(NULL),
                                         .floor = WEFT_ATOMIC_INIT((weft__slot *)UINTPTR_MAX)};

/* Assembly names it, which who optimises across files does not see. */
#if defined(__clang__)
#define SEEN used
#else
#define SEEN used, externally_visible
#endif
WEFT_API _Thread_local struct weft__record *weft__here_of_thread
    __attribute__((tls_model("initial-exec"), SEEN)) = &weft__here_nobody;

#if !((defined(__x86_64__) || defined(__aarch64__)) && !defined(WEFT__HERE_BY_CALL))
struct weft__record *weft__here_by_call(void)
{
    __asm__ volatile(""); /* R1: no caller may keep the address of the thread's variable */
    return weft__here_of_thread;
}
#endif

#if !defined(__x86_64__) || defined(WEFT__HERE_BY_CALL)
__attribute__((noinline)) void weft__here_set(struct weft__record *h)
{
    __asm__ volatile("");
    weft__here_of_thread = h;
}
#endif
