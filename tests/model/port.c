/* The port of the models: threads that are the checker's, a clock that moves when somebody is late, and a
 * poller that is a bell. */
#include "model/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "port/barrier.h"
#include "port/clock.h"
#include "port/err.h"
#include "port/futex.h"
#include "port/here.h"
#include "port/mark.h"
#include "port/poller.h"
#include "task/wait.h"

enum { THREADS = 4 };

/* Of models that do without wait.c; in none does a thread wait that is not some waiter here. */
__attribute__((weak)) _Thread_local weft__waiter weft__waiter_of_thread;

struct weft__record weft__here_nobody = {.limit = WEFT_ATOMIC_INIT(NULL),
                                         .floor = WEFT_ATOMIC_INIT((weft__slot *)UINTPTR_MAX)};
static struct weft__record *here[THREADS];
static WEFT_ATOMIC(int64_t) now;
static WEFT_ATOMIC(uint32_t) bell;
static _Alignas(64) char heap[1 << 20];
static size_t heap_used, heap_held;

/* The same addresses and contents in each execution, and nothing is used twice in one. */
void *model_malloc(size_t size)
{
    enum { LINE = 64 };
    char *p = &heap[heap_used];
    *(size_t *)(void *)p = size;
    heap_used += LINE + (size + LINE - 1) / LINE * LINE;
    require(heap_used <= sizeof heap);
    heap_held++;
    return memset(p + LINE, 0, size);
}

void *model_aligned_alloc(size_t alignment, size_t size)
{
    (void)alignment; /* a line */
    return model_malloc(size);
}

void *model_calloc(size_t n, size_t size)
{
    return model_malloc(n * size);
}

char *model_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(model_malloc(size), text, size);
}

/* In place of its size stands that it was freed. */
void model_free(void *p)
{
    enum { LINE = 64 };
    if (!p)
        return;
    size_t *size = (size_t *)(void *)((char *)p - LINE);
    require(*size != SIZE_MAX);
    model_gone(p, *size);
    *size = SIZE_MAX;
    heap_held--;
}

size_t model_held(void)
{
    return heap_held;
}

void model_port_reset(void)
{
    heap_used = heap_held = 0;
    for (int i = 0; i < THREADS; i++)
        here[i] = &weft__here_nobody;
    now.v = 0;
    weft_atomic_store(&bell, 0, WEFT_RELAXED);
}

void model_here(int thread, struct weft__record *h)
{
    here[thread] = h;
}

struct weft__record *weft__here_by_call(void)
{
    return here[model_thread()];
}

void weft__here_set(struct weft__record *h)
{
    here[model_thread()] = h;
}

int64_t weft__clock_ns(void)
{
    model_touch(MODEL_AT(&now), false);
    return now.v;
}

void model_late(int64_t deadline)
{
    model_touch(MODEL_AT(&now), true);
    if (now.v < deadline)
        now.v = deadline;
}

bool weft__futex_wait(weft__futex *f, uint32_t seen, int64_t deadline_ns, bool shared)
{
    (void)shared;
    if (model_sleep(MODEL_AT(f), seen, deadline_ns != INT64_MAX))
        return true;
    model_late(deadline_ns);
    return false;
}

void weft__futex_wake(weft__futex *f, int n, bool shared)
{
    (void)shared;
    model_wake(MODEL_AT(f), n);
}

uintptr_t weft__thread_mark(void)
{
    return 2 * ((uintptr_t)model_thread() + 1);
}

void weft__cpu_yield(void)
{
    model_yield();
}

/* Threads pay for their own barriers: a model is right about the pair of both if both sides have one. */
bool weft__barrier_prepare(void)
{
    return false;
}

void weft__barrier_all(void)
{
    weft_atomic_fence();
}

/* An event counter in an epoll: readable until it is drained. */
int weft__poller_wait(weft__poller *p, weft__poll_event *events, int cap, int64_t deadline_ns)
{
    (void)p, (void)events, (void)cap;
    while (weft_atomic_fetch_or(&bell, 0, WEFT_ACQ_REL) == 0) {
        if (deadline_ns == INT64_MIN)
            return 0;
        if (!model_sleep(MODEL_AT(&bell), 0, deadline_ns != INT64_MAX)) {
            model_late(deadline_ns);
            return 0;
        }
    }
    weft_atomic_exchange(&bell, 0, WEFT_ACQ_REL);
    return 0;
}

void weft__poller_ring(weft__poller *p)
{
    (void)p;
    weft_atomic_exchange(&bell, 1, WEFT_ACQ_REL);
    model_wake(MODEL_AT(&bell), 1);
}

weft_err weft__fail(weft_err code, const char *format, ...)
{
    (void)format;
    return code;
}

weft_err weft__fail_in(weft_err code, const char *format, ...)
{
    (void)format;
    return code;
}

_Noreturn void weft__misuse(const char *where, const char *format, ...)
{
    char what[200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    model_require(false, what, where, 0);
    __builtin_unreachable();
}
