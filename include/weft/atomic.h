/* weft/atomic.h: the one place through which data passes between threads.
 *
 *     WEFT_ATOMIC(uint32_t) ready;
 *     weft_atomic_store(&ready, 1, WEFT_RELEASE);            // pairs with the load below
 *     while (!weft_atomic_load(&ready, WEFT_ACQUIRE)) ...
 *
 * A thin name for the compiler's builtins in C and in C++; a model checker puts its own behind the
 * same names. A WEFT_ATOMIC(T) has the size and the alignment of T, so it may lie in memory that
 * processes share. Initialise with WEFT_ATOMIC_INIT(v) or by storing.
 */
#ifndef WEFT_ATOMIC_H
#define WEFT_ATOMIC_H

#include <stdint.h>

#ifdef WEFT_MODEL
#include WEFT_MODEL
#else

#define WEFT_RELAXED __ATOMIC_RELAXED
#define WEFT_ACQUIRE __ATOMIC_ACQUIRE
#define WEFT_RELEASE __ATOMIC_RELEASE
#define WEFT_ACQ_REL __ATOMIC_ACQ_REL
#define WEFT_SEQ_CST __ATOMIC_SEQ_CST

/* A value of type T that threads or processes share. */
#define WEFT_ATOMIC(T)                                                                             \
    struct {                                                                                       \
        T v;                                                                                       \
    }
#define WEFT_ATOMIC_INIT(x)                                                                        \
    {                                                                                              \
        (x)                                                                                        \
    }

#define weft_atomic_load(a, order)         __atomic_load_n(&(a)->v, order)
#define weft_atomic_store(a, x, order)     __atomic_store_n(&(a)->v, (x), order)
#define weft_atomic_exchange(a, x, order)  __atomic_exchange_n(&(a)->v, (x), order)
#define weft_atomic_fetch_add(a, x, order) __atomic_fetch_add(&(a)->v, (x), order)
#define weft_atomic_fetch_sub(a, x, order) __atomic_fetch_sub(&(a)->v, (x), order)
#define weft_atomic_fetch_or(a, x, order)  __atomic_fetch_or(&(a)->v, (x), order)
#define weft_atomic_fetch_and(a, x, order) __atomic_fetch_and(&(a)->v, (x), order)
/* True if *a was *expect and is now x; else *expect is what was seen. */
#define weft_atomic_cas(a, expect, x, ok, no)                                                      \
    __atomic_compare_exchange_n(&(a)->v, (expect), (x), 0, ok, no)

/* A full fence between a store and a later load of something else. ThreadSanitizer does not model
 * fences that stand alone: both sides of such a pair are read-modify-writes there as well. */
#define weft_atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif

#endif
