/* port/thread.h: operating system threads and the CPUs they may use. */
#ifndef WEFT_PORT_THREAD_H
#define WEFT_PORT_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "port/cpuset.h"
#include "weft/err.h"

typedef struct weft__thread {
    uint64_t handle;
} weft__thread;

/* Start fn(arg) on a new thread that has every signal blocked. WEFT_NOMEM if there are too many. */
weft_err weft__thread_start(weft__thread *t, void (*fn)(void *arg), void *arg, const char *name);

/* Wait for its end and free it. */
void weft__thread_join(weft__thread t);

/* Let it free itself at its end. */
void weft__thread_detach(weft__thread t);

/* The CPUs that the calling thread may use. */
weft_err weft__thread_cpus(weft__cpuset *out);

/* How many CPUs this host has running. */
int weft__thread_cpus_online(void);

/* Restrict the calling thread to `cpus`. */
weft_err weft__thread_bind(const weft__cpuset *cpus);

/* An end of the calling thread's native stack and its size, for sanitizers. */
void weft__thread_stack(void **bottom, size_t *size);

#endif
