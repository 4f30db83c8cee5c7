/* Whatever cannot be had: the first thing that is asked for fails, then the second, and so on until
 * nothing fails any more. Each time there is an error that the caller gets, or it worked all the same,
 * and nothing is left behind.
 * ctest: timeout=300 wrap=malloc,calloc,aligned_alloc,strdup,free,mmap,munmap,mprotect,madvise,pthread_create,epoll_create1,eventfd */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/engine.h"
#include "weft/weft.h"

/* Calls from now on until one fails; far below zero: none does. And what there is. */
static WEFT_ATOMIC(int64_t) left = WEFT_ATOMIC_INIT(INT64_MIN / 2);
static WEFT_ATOMIC(int64_t) blocks, mapped;

static bool fails(void)
{
    return weft_atomic_fetch_sub(&left, 1, WEFT_SEQ_CST) == 0;
}

static void *counted(void *p)
{
    if (p)
        weft_atomic_fetch_add(&blocks, 1, WEFT_RELAXED);
    else
        errno = ENOMEM;
    return p;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    return counted(fails() ? NULL : __real_malloc(n));
}

void *__real_calloc(size_t n, size_t each);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_calloc(size_t n, size_t each)
{
    return counted(fails() ? NULL : __real_calloc(n, each));
}

void *__real_aligned_alloc(size_t to, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n)
{
    return counted(fails() ? NULL : __real_aligned_alloc(to, n));
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
    return counted(fails() ? NULL : __real_strdup(s));
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    if (p)
        weft_atomic_fetch_sub(&blocks, 1, WEFT_RELAXED);
    __real_free(p);
}

void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *p = __real_mmap(at, n, prot, flags, fd, offset);
    if (p != MAP_FAILED)
        weft_atomic_fetch_add(&mapped, (int64_t)n, WEFT_RELAXED);
    return p;
}

int __real_munmap(void *at, size_t n);
int __wrap_munmap(void *at, size_t n);
int __wrap_munmap(void *at, size_t n)
{
    weft_atomic_fetch_sub(&mapped, (int64_t)n, WEFT_RELAXED);
    return __real_munmap(at, n);
}

static int refused(int number)
{
    errno = number;
    return -1;
}

int __real_mprotect(void *at, size_t n, int prot);
int __wrap_mprotect(void *at, size_t n, int prot);
int __wrap_mprotect(void *at, size_t n, int prot)
{
    return fails() ? refused(ENOMEM) : __real_mprotect(at, n, prot);
}

int __real_madvise(void *at, size_t n, int advice);
int __wrap_madvise(void *at, size_t n, int advice);
int __wrap_madvise(void *at, size_t n, int advice)
{
    return fails() ? refused(ENOMEM) : __real_madvise(at, n, advice);
}

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
    return fails() ? EAGAIN : __real_pthread_create(t, a, fn, arg);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return fails() ? refused(EMFILE) : __real_epoll_create1(flags);
}

int __real_eventfd(unsigned n, int flags);
int __wrap_eventfd(unsigned n, int flags);
int __wrap_eventfd(unsigned n, int flags)
{
    return fails() ? refused(EMFILE) : __real_eventfd(n, flags);
}

static int lowest_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void arm(int64_t n)
{
    weft_atomic_store(&left, n, WEFT_SEQ_CST);
}

/* Whether the call that was to fail came. */
static bool disarm(void)
{
    return weft_atomic_exchange(&left, INT64_MIN / 2, WEFT_SEQ_CST) < 0;
}

static bool is_honest(weft_err e)
{
    return e == WEFT_OK || ((e == WEFT_NOMEM || e == WEFT_SYS) && weft_detail()[0]);
}

/* Run `once` with each call failing in turn; it arms and disarms, and returns whether one failed. */
static void each(bool (*once)(int64_t n), const char *what, int least)
{
    int64_t n = 0;
    for (bool failed = true; failed; n++) {
        int64_t blocks_before = weft_atomic_load(&blocks, WEFT_SEQ_CST);
        int64_t mapped_before = weft_atomic_load(&mapped, WEFT_SEQ_CST);
        int fd = lowest_fd();
        assert_in_range(n, 0, 5000);
        failed = once(n);
        if (weft_atomic_load(&blocks, WEFT_SEQ_CST) != blocks_before ||
            weft_atomic_load(&mapped, WEFT_SEQ_CST) != mapped_before || lowest_fd() != fd)
            fail_msg(
                "%s: call %lld failed: %lld blocks, %lld bytes of mappings, descriptor %d left",
                what, (long long)n,
                (long long)(weft_atomic_load(&blocks, WEFT_SEQ_CST) - blocks_before),
                (long long)(weft_atomic_load(&mapped, WEFT_SEQ_CST) - mapped_before), fd);
    }
    print_message("%s: %lld calls failed in turn\n", what, (long long)n - 1);
    assert_true(n > least);
}

static const weft__engine_opts engine_opts = {
    .workers = 2, .crowded = true, .stack_size = 64 * 1024, .large_stack = 256 * 1024};

static bool open_once(int64_t n)
{
    weft w = {.size = 1};
    arm(n);
    weft_err e = weft__engine_open(&w, &engine_opts);
    bool failed = disarm();
    assert_true(is_honest(e));
    assert_true(failed || e == WEFT_OK);
    if (e == WEFT_OK)
        weft__engine_close(&w);
    return failed;
}

static void an_engine_opens_or_says_why_not(void **state)
{
    (void)state;
    each(open_once, "engine open", 6);
}

static bool stacks_once(int64_t n)
{
    enum { COUNT = 200 };
    static weft nobody;
    weft__stacks s;
    weft__stack *k[COUNT];
    weft_err e = WEFT_OK;
    int got = 0;
    arm(n);
    weft__stacks_init(&s, &nobody, &(weft__stacks_opts){.size = 64 * 1024, .large = 256 * 1024});
    while (got < COUNT && (e = weft__stacks_get(&s, got % 50 == 0, &k[got])) == WEFT_OK)
        got++;
    bool failed = disarm();
    assert_true(is_honest(e));
    /* It goes on from there. */
    weft__stack *more;
    if (e != WEFT_OK)
        assert_int_equal(weft__stacks_get(&s, false, &more), WEFT_OK);
    while (got > 0)
        weft__stacks_put(&s, k[--got]);
    weft__stacks_fini(&s);
    return failed;
}

static void stacks_are_made_or_it_is_said_why_not(void **state)
{
    (void)state;
    each(stacks_once, "stacks", 100);
}

static WEFT_ATOMIC(int) ran, here;

static weft_err waits(void *arg)
{
    weft_atomic_fetch_add(&here, 1, WEFT_SEQ_CST);
    weft_err e = weft_sem_acquire(arg, WEFT_FOREVER);
    weft_atomic_fetch_add(&ran, 1, WEFT_SEQ_CST);
    return e;
}

static weft_err runs(void *arg)
{
    (void)arg;
    weft_atomic_fetch_add(&ran, 1, WEFT_SEQ_CST);
    return WEFT_OK;
}

static bool go_once(int64_t n)
{
    enum { COUNT = 40 };
    weft_sem sem = WEFT_SEM_INIT("sem", 0);
    weft *w = engine_open(2);
    weft_scope s;
    int started = 0, refusals = 0;
    weft_err joined;
    weft_atomic_store(&ran, 0, WEFT_SEQ_CST);
    weft_atomic_store(&here, 0, WEFT_SEQ_CST);
    weft_scope_init(&s, weft_pool(w), "some fail");
    arm(n);
    for (int i = 0; i < COUNT; i++) {
        weft_err e = weft_go(&s, waits, &sem);
        started += e == WEFT_OK;
        refusals += e != WEFT_OK;
        assert_true(is_honest(e));
    }
    while (weft_atomic_load(&here, WEFT_SEQ_CST) < started) /* bounded by the alarm */
        (void)weft_yield();
    weft_scope side;
    weft_scope_init(&side, weft_threads(w), "on a thread");
    weft_err e = weft_go(&side, runs, NULL);
    started += e == WEFT_OK;
    refusals += e != WEFT_OK;
    assert_true(is_honest(e));
    for (int i = 0; i < COUNT; i++)
        weft_sem_release(&sem);
    joined = weft_scope_join(&s, weft_in_s(30));
    assert_int_equal(weft_scope_join(&side, weft_in_s(30)), WEFT_OK);
    bool failed = disarm();
    /* A task that could not wait for want of a stack says so; all that were started have ended. */
    assert_true(joined == WEFT_OK || joined == WEFT_NOMEM);
    weft_scope_fini(&s);
    weft_scope_fini(&side);
    assert_true(refusals <= 1);
    assert_int_equal(weft_atomic_load(&ran, WEFT_SEQ_CST), started);
    engine_close(w);
    return failed;
}

static void tasks_start_or_it_is_said_why_not(void **state)
{
    (void)state;
    each(go_once, "tasks", 20);
}

static bool queue_once(int64_t n)
{
    weft_queue *q = NULL;
    arm(n);
    weft_err e = weft_queue_init(&q, "queue", 8, 64);
    bool failed = disarm();
    assert_true(is_honest(e));
    if (e == WEFT_OK)
        weft_queue_close(&q);
    assert_null(q);
    return failed;
}

static void a_queue_is_made_or_it_is_said_why_not(void **state)
{
    (void)state;
    each(queue_once, "queue", 1);
}

static bool start_once(int64_t n)
{
    weft *w = NULL;
    weft_opts o = WEFT_OPTS_INIT;
    o.threads = 2;
    o.report_overflow = true;
    arm(n);
    weft_err e = weft_start(&w, &o);
    bool failed = disarm();
    assert_true(is_honest(e));
    if (e == WEFT_OK)
        assert_int_equal(weft_stop(&w, WEFT_FOREVER), WEFT_OK);
    assert_null(w);
    return failed;
}

static void weft_starts_or_says_why_not(void **state)
{
    (void)state;
    setenv("WEFT_ALONE", "1", 1);
    assert_false(start_once(INT64_MAX)); /* what is made once and stays is there now */
    each(start_once, "weft_start", 15);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_opens_or_says_why_not),
        cmocka_unit_test(stacks_are_made_or_it_is_said_why_not),
        cmocka_unit_test(tasks_start_or_it_is_said_why_not),
        cmocka_unit_test(a_queue_is_made_or_it_is_said_why_not),
        cmocka_unit_test(weft_starts_or_says_why_not),
    };
    alarm(250);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
