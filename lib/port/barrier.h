/* port/barrier.h: a barrier that one thread pays for and the others need not: after weft__barrier_all,
 * each thread of the process has either made its earlier stores visible, or makes its later loads after
 * the caller's earlier stores. */
#ifndef WEFT_PORT_BARRIER_H
#define WEFT_PORT_BARRIER_H

#include <stdbool.h>

#include "weft/atomic.h"

/* Whether the system has it; to be asked before it is used. */
bool weft__barrier_prepare(void);
void weft__barrier_all(void);

/* The half of those others: the compiler keeps the order. A model has no barrier for others. */
static inline void weft__barrier_light(void)
{
#ifdef WEFT_MODEL
    weft_atomic_fence();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
