#include "port/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fault.h"
#include "port/fd.h"

struct start {
    void (*fn)(void *arg);
    void *arg;
    char name[16];
};

static void *run(void *arg)
{
    struct start s = *(struct start *)arg;
    free(arg);
    pthread_setname_np(pthread_self(), s.name);
    weft__fault_thread handlers;
    weft__fault_thread_begin(&handlers);
    s.fn(s.arg);
    weft__fault_thread_end(&handlers);
    return NULL;
}

weft_err weft__thread_start(weft__thread *t, void (*fn)(void *arg), void *arg, const char *name)
{
    struct start *s = malloc(sizeof *s);
    if (!s)
        return weft__fail(WEFT_NOMEM, "thread %s: out of memory", name);
    s->fn = fn;
    s->arg = arg;
    strncpy(s->name, name, sizeof s->name - 1);
    s->name[sizeof s->name - 1] = '\0';

    /* Signals are the program's affair: they go to its own threads. The faults that a thread makes
     * itself are delivered whatever the mask says, but not to a handler: leave those open. */
    sigset_t all, before;
    sigfillset(&all);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t id;
    int r = pthread_create(&id, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        free(s);
        return weft__fail(WEFT_NOMEM, "thread %s: %s; start fewer or raise ulimit -u", name,
                          strerror(r));
    }
    t->handle = (uint64_t)id;
    return WEFT_OK;
}

void weft__thread_join(weft__thread t)
{
    pthread_join((pthread_t)t.handle, NULL);
}

void weft__thread_detach(weft__thread t)
{
    pthread_detach((pthread_t)t.handle);
}

_Static_assert(sizeof(weft__cpuset) % sizeof(cpu_set_t) == 0, "the kernel takes it as a mask");

weft_err weft__thread_cpus(weft__cpuset *out)
{
    weft__cpuset_clear(out);
    if (sched_getaffinity(0, sizeof *out, (cpu_set_t *)(void *)out) < 0)
        return weft__sys_error(errno, "cpus", "sched_getaffinity");
    return WEFT_OK;
}

int weft__thread_cpus_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

weft_err weft__thread_bind(const weft__cpuset *cpus)
{
    if (sched_setaffinity(0, sizeof *cpus, (const cpu_set_t *)(const void *)cpus) < 0)
        return weft__sys_error(errno, "bind", "sched_setaffinity");
    return WEFT_OK;
}

void weft__thread_stack(void **bottom, size_t *size)
{
    pthread_attr_t a;
    *bottom = NULL;
    *size = 0;
    if (pthread_getattr_np(pthread_self(), &a) != 0)
        return;
    pthread_attr_getstack(&a, bottom, size);
    pthread_attr_destroy(&a);
}
