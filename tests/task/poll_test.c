/* The poll token: whoever makes work rings its holder only if that one sleeps, and what is ready at once is
 * fetched at once.
 * ctest: serial wrap=write,weft__poller_wait */
#include <sys/socket.h>

#include "task/fresh.h"
#include "weft/io.h"

enum { MANY = 100 };

/* Of the poller's own bell, and returns of the poller with something; both atomic. */
static int rings, batches;

ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
int __real_weft__poller_wait(weft__poller *p, weft__poll_event *ev, int cap, int64_t by);
int __wrap_weft__poller_wait(weft__poller *p, weft__poll_event *ev, int cap, int64_t by);

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
    if (w && fd == w->poll.poller.bell)
        __atomic_fetch_add(&rings, 1, __ATOMIC_ACQ_REL);
    return __real_write(fd, buf, n);
}

int __wrap_weft__poller_wait(weft__poller *p, weft__poll_event *ev, int cap, int64_t by)
{
    int n = __real_weft__poller_wait(p, ev, cap, by);
    if (n > 0)
        __atomic_fetch_add(&batches, 1, __ATOMIC_ACQ_REL);
    return n;
}

static int count(int *what)
{
    return __atomic_load_n(what, __ATOMIC_ACQUIRE);
}

/* A fresh engine with one worker: who holds the token, and who sleeps, is never in doubt. */
static int setup_one(void **state)
{
    (void)state;
    w = engine_open(1);
    watch(w, HANG_S);
    rings = batches = 0;
    return 0;
}

static void await_sleep(void)
{
    int64_t until = weft_clock() + INT64_C(20000000000);
    while (weft_atomic_load(&w->poll.sleeps_until, WEFT_ACQUIRE) == INT64_MIN && /* poll.c */
           weft_clock() < until)
        ignore(weft_yield());
    assert_true(weft_clock() < until);
}

static weft_err nothing(void *arg)
{
    (void)arg;
    return WEFT_OK;
}

static weft_err wait_a_while(void *arg)
{
    int64_t ns = *(const int64_t *)arg;
    ignore(weft_sleep(weft_in_ns(ns)));
    return WEFT_OK;
}

/* All that rings who sleeps: tasks from without, earlier timers, sources. */
static void make_work(weft_scope *s)
{
    static const int64_t wait_ns[MANY];
    for (int i = 0; i < MANY; i++) {
        ok(weft_go(s, nothing, NULL));
        ok(weft_go(s, wait_a_while, (void *)(uintptr_t)&wait_ns[i]));
        weft__source_kick(w);
        weft__poll_earlier(w, weft_clock() - i);
    }
}

/* The only worker computes, and comes to the poller by itself. */
struct busy {
    int begun, over; /* atomic */
};

static weft_err compute(void *arg)
{
    struct busy *b = arg;
    __atomic_store_n(&b->begun, 1, __ATOMIC_RELEASE);
    return spin_until(&b->over) ? WEFT_OK : WEFT_LATE;
}

static void who_computes_is_not_rung(void **state)
{
    (void)state;
    weft_scope s;
    struct busy b = {0};
    weft_scope_init(&s, weft_pool(w), "busy");
    ok(weft_go(&s, compute, &b));
    assert_true(spin_until(&b.begun));
    int before = count(&rings);
    make_work(&s);
    int after = count(&rings);
    __atomic_store_n(&b.over, 1, __ATOMIC_RELEASE);
    ok(weft_scope_join(&s, weft_in_s(60)));
    weft_scope_fini(&s);
    assert_int_equal(after, before);
}

/* The holder serves an event for as long as the test wants. */
static struct {
    void (*pass_on)(weft *rt, uint64_t key, unsigned what);
    int fd[2], inside, leave; /* the last two atomic */
} held;

static void hold(weft *rt, uint64_t key, unsigned what)
{
    __atomic_store_n(&held.inside, 1, __ATOMIC_RELEASE);
    (void)spin_until(&held.leave);
    held.pass_on(rt, key, what);
}

static weft_err await_byte(void *arg)
{
    return weft_ready(*(const int *)arg, WEFT_READABLE, weft_in_s(60));
}

static void socket_pair(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

/* What comes is for the other worker, who sleeps elsewhere; or for the holder, if it was looking for work. */
static void a_holder_that_is_awake_is_not_rung(void **state)
{
    (void)state;
    weft_scope holder, s;
    memset(&held, 0, sizeof held);
    held.pass_on = w->poll.ready;
    w->poll.ready = hold;
    socket_pair(held.fd);
    weft_scope_init(&holder, weft_pool(w), "holder");
    weft_scope_init(&s, weft_pool(w), "others");
    ok(weft_go(&holder, await_byte, &held.fd[0]));
    await_sleep();
    assert_int_equal(__real_write(held.fd[1], "x", 1), 1);
    assert_true(spin_until(&held.inside));
    int before = count(&rings);
    make_work(&s);
    int after = count(&rings);
    __atomic_store_n(&held.leave, 1, __ATOMIC_RELEASE);
    ok(weft_scope_join(&s, weft_in_s(60)));
    ok(weft_scope_join(&holder, weft_in_s(60)));
    weft_scope_fini(&s);
    weft_scope_fini(&holder);
    close(held.fd[0]);
    close(held.fd[1]);
    assert_int_equal(after, before);
}

/* The same as the only worker sleeps: the bell is what wakes it, once for whatever comes at a time. */
static void a_holder_that_sleeps_is_rung_once(void **state)
{
    (void)state;
    int all = 0;
    for (int i = 0; i < MANY; i++) {
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "post");
        await_sleep();
        int before = count(&rings);
        ok(weft_go(&s, nothing, NULL));
        ok(weft_scope_join(&s, weft_in_s(60)));
        weft_scope_fini(&s);
        int now = count(&rings) - before;
        assert_in_range(now, 0, 1); /* 0: it was about to sleep, and saw the task */
        all += now;
    }
    assert_true(all > 0);
}

/* All become ready while the worker computes. */
static void what_is_ready_at_once_is_fetched_at_once(void **state)
{
    (void)state;
    weft_scope s;
    int fd[MANY][2];
    struct busy b = {0};
    weft_scope_init(&s, weft_pool(w), "readers");
    for (int i = 0; i < MANY; i++) {
        socket_pair(fd[i]);
        ok(weft_go(&s, await_byte, &fd[i][0]));
    }
    await_sleep(); /* all of them wait */
    ok(weft_go(&s, compute, &b));
    assert_true(spin_until(&b.begun));
    int before = count(&batches);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(__real_write(fd[i][1], "x", 1), 1);
    __atomic_store_n(&b.over, 1, __ATOMIC_RELEASE);
    ok(weft_scope_join(&s, weft_in_s(60)));
    weft_scope_fini(&s);
    int now = count(&batches) - before;
    printf("%d descriptors in %d returns of the poller\n", MANY, now);
    assert_in_range(now, 1, 3);
    for (int i = 0; i < MANY; i++) {
        close(fd[i][0]);
        close(fd[i][1]);
    }
}

int main(int argc, char **argv)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, setup_one, teardown)
    const struct CMUnitTest tests[] = {
        ONE(who_computes_is_not_rung),
        cmocka_unit_test_setup_teardown(a_holder_that_is_awake_is_not_rung, setup, teardown),
        ONE(a_holder_that_sleeps_is_rung_once),
        ONE(what_is_ready_at_once_is_fetched_at_once),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
