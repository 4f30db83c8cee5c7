/* port/futex.h: a thread sleeps until a word changes. The word may lie in shared memory. */
#ifndef WEFT_PORT_FUTEX_H
#define WEFT_PORT_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/atomic.h"

typedef WEFT_ATOMIC(uint32_t) weft__futex;

/* Sleep while *f is `seen`, at most until `deadline_ns` on the monotonic clock (INT64_MAX: no limit).
 * Wakes spuriously. Returns false only if the deadline passed. `shared`: other processes wake it. */
bool weft__futex_wait(weft__futex *f, uint32_t seen, int64_t deadline_ns, bool shared);

/* Wake up to `n` sleepers. Touches nothing but the address, which may be gone. */
void weft__futex_wake(weft__futex *f, int n, bool shared);

/* Let another thread have the CPU. */
void weft__cpu_yield(void);

/* Tell the CPU that this is a spin loop. */
static inline void weft__cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
