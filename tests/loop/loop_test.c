/* Readiness, blocking calls, files, and the rest of a process that has nothing to do.
 * ctest: serial */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/clock.h"
#include "task/fresh.h"
#include "weft/datagram.h"
#include "weft/io.h"
#include "weft/process.h"
#include "weft/signal.h"
#include "weft/stream.h"
#include "weft/sync.h"
#include "weft/task.h"

/* A wait for readiness, as a task. */
struct wait {
    int fd;
    weft_readiness what;
    weft_deadline by;
    weft_err result;
};

static weft_event refused = WEFT_EVENT_INIT("refused"); /* one of them was */

static weft_err await(void *arg)
{
    struct wait *x = arg;
    x->result = weft_ready(x->fd, x->what, x->by);
    if (x->result == WEFT_INVALID)
        weft_event_set(&refused);
    return WEFT_OK;
}

static void socket_pair(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

static void both_directions_of_a_descriptor_are_waited_for(void **state)
{
    (void)state;
    int fd[2];
    char full[4096] = {0};
    weft_scope s;
    socket_pair(fd);
    while (write(fd[0], full, sizeof full) > 0)
        ;
    struct wait in = {fd[0], WEFT_READABLE, weft_in_s(20), WEFT_INVALID};
    struct wait out = {fd[0], WEFT_WRITABLE, weft_in_s(20), WEFT_INVALID};
    weft_scope_init(&s, weft_pool(w), "both");
    assert_int_equal(weft_go(&s, await, &in), WEFT_OK);
    assert_int_equal(weft_go(&s, await, &out), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(30)), WEFT_LATE);
    while (read(fd[1], full, sizeof full) > 0)
        ;
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(in.result, WEFT_OK);
    assert_int_equal(out.result, WEFT_OK);
    close(fd[0]);
    close(fd[1]);
}

static void a_wait_ends_late_or_cancelled_and_can_be_made_again(void **state)
{
    (void)state;
    int fd[2];
    weft_scope s;
    socket_pair(fd);
    struct wait late = {fd[0], WEFT_READABLE, weft_in_ms(10), WEFT_INVALID};
    weft_scope_init(&s, weft_pool(w), "late");
    assert_int_equal(weft_go(&s, await, &late), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    assert_int_equal(late.result, WEFT_LATE);

    struct wait cancelled = {fd[0], WEFT_READABLE, WEFT_FOREVER, WEFT_INVALID};
    assert_int_equal(weft_go(&s, await, &cancelled), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(10)), WEFT_LATE);
    weft_scope_fini(&s);
    assert_int_equal(cancelled.result, WEFT_CANCELLED);

    assert_int_equal(write(fd[1], "x", 1), 1);
    struct wait again = {fd[0], WEFT_READABLE, weft_in_s(20), WEFT_INVALID};
    weft_scope_init(&s, weft_pool(w), "again");
    assert_int_equal(weft_go(&s, await, &again), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(again.result, WEFT_OK);
    close(fd[0]);
    close(fd[1]);
}

/* What the poller says goes through here. */
static void (*pass_on)(weft *rt, uint64_t key, unsigned what);
static WEFT_ATOMIC(uint64_t) last_key; /* set by who serves the poller, read by the test */

static void note_key(weft *rt, uint64_t key, unsigned what)
{
    weft_atomic_store(&last_key, key, WEFT_RELEASE); /* pairs with the test */
    pass_on(rt, key, what);
}

/* An event may be on its way from the poller when its descriptor is closed; the next one of that number is
 * another. */
static void a_late_event_wakes_no_successor(void **state)
{
    (void)state;
    int fd[2], again[2];
    weft_scope s;
    pass_on = w->poll.ready;
    w->poll.ready = note_key;
    socket_pair(fd);
    struct wait x = {fd[0], WEFT_READABLE, weft_in_s(20), WEFT_INVALID}, y = x;
    weft_scope_init(&s, weft_pool(w), "waits");
    assert_int_equal(weft_go(&s, await, &x), WEFT_OK);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    assert_int_equal(x.result, WEFT_OK);
    uint64_t late = weft_atomic_load(&last_key, WEFT_ACQUIRE); /* pairs with note_key */
    close(fd[0]);
    socket_pair(again);
    assert_int_equal(dup2(again[0], fd[0]), fd[0]);
    assert_int_equal(weft_go(&s, await, &y), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
    pass_on(w, late, WEFT_READABLE);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
    assert_int_equal(write(again[1], "y", 1), 1);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    assert_int_equal(y.result, WEFT_OK);
    weft_scope_fini(&s);
    close(fd[0]);
    close(fd[1]);
    close(again[0]);
    close(again[1]);
}

/* Sockets at abstract names, which are free once those are closed and not before. */
enum { GIVEN_UP = 8 };

static struct sockaddr_un given_up_at(int i)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "weft-given-up-%d-%d", (int)getpid(), i);
    return at;
}

static void open_bound(struct wait *x, int i)
{
    struct sockaddr_un at = given_up_at(i);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        fail_msg("what was closed before is still there");
    *x = (struct wait){fd, WEFT_READABLE, WEFT_FOREVER, WEFT_INVALID};
}

/* The poller may be looking at a descriptor whose wait is cancelled; and the system keeps one open that it
 * looks at, until the poller returns. */
static void what_was_given_up_can_be_closed_at_once(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(2000, 20000);
    int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    for (long i = 0; i < rounds; i++) {
        weft_scope s;
        struct wait x[GIVEN_UP];
        weft_scope_init(&s, weft_pool(w), "gives up");
        for (int k = 0; k < GIVEN_UP; k++) {
            open_bound(&x[k], k);
            assert_int_equal(weft_go(&s, await, &x[k]), WEFT_OK);
        }
        int64_t until = weft_clock() + (int64_t)(test_random(&seed) % 60000);
        while (weft_clock() < until)
            ;
        int cancels = (int)(test_random(&seed) % GIVEN_UP); /* among the events */
        for (int k = 0; k < GIVEN_UP; k++) {
            struct sockaddr_un at = given_up_at(k);
            if (k == cancels)
                weft_scope_cancel(&s);
            assert_int_equal(sendto(from, "x", 1, 0, (struct sockaddr *)&at, sizeof at), 1);
        }
        weft_scope_fini(&s);
        for (int k = 0; k < GIVEN_UP; k++)
            close(x[k].fd);
    }
    close(from);
}

static void what_cannot_be_waited_for_is_an_error(void **state)
{
    (void)state;
    int fd[2];
    weft_scope s;
    socket_pair(fd);
    struct wait bad[] = {{-1, WEFT_READABLE, WEFT_FOREVER, WEFT_OK},
                         {fd[0], (weft_readiness)0, WEFT_FOREVER, WEFT_OK},
                         {fd[0], (weft_readiness)64, WEFT_FOREVER, WEFT_OK},
                         {1 << 30, WEFT_READABLE, WEFT_FOREVER, WEFT_OK},
                         {900, WEFT_READABLE, WEFT_FOREVER, WEFT_OK}};
    weft_scope_init(&s, weft_pool(w), "bad");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(weft_go(&s, await, &bad[i]), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(bad[i].result, WEFT_INVALID);
    /* Two for the same direction: one of them is refused. */
    struct wait one = {fd[0], WEFT_READABLE, WEFT_FOREVER, WEFT_OK}, two = one;
    weft_event_clear(&refused);
    assert_int_equal(weft_go(&s, await, &one), WEFT_OK);
    assert_int_equal(weft_go(&s, await, &two), WEFT_OK);
    assert_int_equal(weft_event_wait(&refused, weft_in_s(20)), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
    weft_scope_fini(&s);
    assert_true((one.result == WEFT_INVALID) != (two.result == WEFT_INVALID));
    /* A thread outside of weft waits by itself. */
    assert_int_equal(weft_ready(fd[0], WEFT_READABLE, weft_in_ms(5)), WEFT_LATE);
    assert_int_equal(weft_ready(fd[0], WEFT_WRITABLE, weft_in_ms(5)), WEFT_OK);
    close(fd[0]);
    close(fd[1]);
}

static weft_err block(void *arg)
{
    weft_sem *held = arg;
    weft_err e = weft_sem_acquire(held, weft_in_s(20));
    return e == WEFT_OK ? weft__fail(WEFT_STALE, "the call's own words") : e;
}

static weft_err call_block(void *arg)
{
    weft_err e = weft_blocking(w, block, arg);
    return e == WEFT_STALE && strcmp(weft_detail(), "the call's own words") == 0 ? WEFT_OK
                                                                                 : WEFT_INVALID;
}

static weft_err release_all(void *arg)
{
    for (int i = 0; i < 50; i++)
        weft_sem_release(arg);
    return WEFT_OK;
}

static void blocking_calls_leave_the_workers_free(void **state)
{
    (void)state;
    weft_sem held = WEFT_SEM_INIT("held", 0);
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "callers");
    for (int i = 0; i < 50; i++)
        assert_int_equal(weft_go(&s, call_block, &held), WEFT_OK);
    /* All fifty block, and neither the loop nor the pool does. */
    assert_int_equal(weft_go(&s, release_all, &held), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
}

struct contents {
    const char *path;
    char text[64];
    size_t len;
};

static weft_err read_file(void *arg)
{
    struct contents *c = arg;
    weft_file *f;
    weft_err e = weft_file_open(w, &f, c->path);
    size_t got = 1;
    while (e == WEFT_OK && got > 0) {
        e = weft_file_read(f, c->text + c->len, 7, &got);
        c->len += e == WEFT_OK ? got : 0;
    }
    if (c->len > 0)
        weft_file_close(&f);
    return e;
}

static void a_file_is_read_to_its_end(void **state)
{
    (void)state;
    char path[] = "/tmp/weft-loop-XXXXXX";
    int fd = mkstemp(path);
    const char text[] = "the quick brown fox jumps";
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    struct contents c = {.path = path};
    struct contents none = {.path = "/nowhere/at/all"};
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "reader");
    assert_int_equal(weft_go(&s, read_file, &c), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    assert_string_equal(c.text, text);
    assert_int_equal(weft_go(&s, read_file, &none), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_MISSING);
    assert_non_null(strstr(weft_detail(), "/nowhere/at/all"));
    weft_scope_fini(&s);
    weft_file *f = NULL;
    weft_file_close(&f);
    close(fd);
    unlink(path);
}

static weft_err wait_long(void *arg)
{
    weft_err e = weft_event_wait(arg, weft_in_s(1000));
    return e == WEFT_CANCELLED ? WEFT_OK : e;
}

static long voluntary_switches(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_nvcsw;
}

/* Somebody accepts, and many wait for what never comes. */
enum { QUIET = 20 };
struct quiet {
    weft_listener *l;
    weft_stream *s[QUIET]; /* socket pairs, and connections */
    weft_datagram *d;
    weft_process *p;
    weft_signals *signals;
};

static weft_err accept_long(void *arg)
{
    weft_stream *s;
    return weft_accept(((struct quiet *)arg)->l, &s, WEFT_FOREVER);
}

static weft_err read_long(void *arg)
{
    char c;
    size_t got;
    return weft_read(arg, &c, 1, &got, WEFT_FOREVER);
}

static weft_err receive_long(void *arg)
{
    char c;
    size_t len;
    return weft_datagram_receive(((struct quiet *)arg)->d, &c, 1, &len, NULL, WEFT_FOREVER);
}

static weft_err end_long(void *arg)
{
    weft_process_end end;
    return weft_process_wait(((struct quiet *)arg)->p, &end, WEFT_FOREVER);
}

static weft_err signal_long(void *arg)
{
    int number;
    return weft_signals_next(((struct quiet *)arg)->signals, &number, WEFT_FOREVER);
}

static void add_quiet_streams(weft_scope *s, struct quiet *q)
{
    char at[WEFT_ADDRESS_TEXT];
    weft_address a;
    assert_int_equal(weft_listen(w, &q->l, "127.0.0.1:0", NULL), WEFT_OK);
    weft_listener_address(q->l, &a);
    weft_address_text(&a, at, sizeof at);
    for (int i = 0; i < QUIET; i += 2) {
        if (i % 4 == 0) {
            assert_int_equal(weft_stream_pair(w, &q->s[i]), WEFT_OK);
        } else {
            assert_int_equal(weft_dial(w, &q->s[i], at, weft_in_s(20)), WEFT_OK);
            assert_int_equal(weft_accept(q->l, &q->s[i + 1], weft_in_s(20)), WEFT_OK);
        }
        assert_int_equal(weft_go(s, read_long, q->s[i]), WEFT_OK);
    }
    assert_int_equal(weft_go(s, accept_long, q), WEFT_OK);
}

/* Whatever else a process may wait for. */
static void add_quiet_others(weft_scope *s, struct quiet *q)
{
    const weft_command c = {.argv = (const char *const[]){"cat", NULL},
                            .in = {.kind = WEFT_STDIO_PIPE}};
    assert_int_equal(weft_datagram_open(w, &q->d, "127.0.0.1:0"), WEFT_OK);
    assert_int_equal(weft_process_start(w, &q->p, &c), WEFT_OK);
    assert_int_equal(weft_signals_open(w, &q->signals, (const int[]){SIGUSR1}, 1), WEFT_OK);
    assert_int_equal(weft_go(s, receive_long, q), WEFT_OK);
    assert_int_equal(weft_go(s, end_long, q), WEFT_OK);
    assert_int_equal(weft_go(s, signal_long, q), WEFT_OK);
}

/* Whoever holds the poll token sleeps, until something comes. */
static bool poller_sleeps(void)
{
    return weft_atomic_load(&w->poll.sleeps_until, WEFT_ACQUIRE) == INT64_MAX;
}

/* Written by who holds the poll token, before it says that it sleeps; and it sleeps. */
static uint64_t poller_returns(void)
{
    assert_true(poller_sleeps());
    return w->poll.returns;
}

static void close_quiet(struct quiet *q)
{
    weft_listener_close(&q->l);
    for (int i = 0; i < QUIET; i++)
        weft_close(&q->s[i]);
    weft_datagram_close(&q->d);
    weft_process_close(&q->p);
    weft_signals_close(&q->signals);
}

/* Several workers asleep, one of them in the poller; tasks parked with deadlines, and for descriptors. */

static void an_idle_process_uses_no_cpu(void **state)
{
    (void)state;
    struct quiet q;
    weft_event never = WEFT_EVENT_INIT("never");
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "idle");
    for (int i = 0; i < 100; i++)
        assert_int_equal(weft_go(&s, wait_long, &never), WEFT_OK);
    add_quiet_streams(&s, &q);
    add_quiet_others(&s, &q);
    int pauses = 0; /* until all that was started has come to rest */
    do {
        assert_int_equal(weft_scope_join(&s, weft_in_ms(1300)), WEFT_LATE);
    } while (!poller_sleeps() && ++pauses < 20);
    uint64_t returns = poller_returns();
    int64_t cpu = weft__clock_cpu_ns();
    long switches = voluntary_switches();
    weft_deadline by = weft_in_s(5);
    while (weft_clock() < by.ns)
        ignore(weft_scope_join(&s, by));
    cpu = weft__clock_cpu_ns() - cpu;
    switches = voluntary_switches() - switches;
    printf("idle for 5 s: %lld us CPU, %ld voluntary switches\n", (long long)cpu / 1000, switches);
    /* One of the switches is this thread's own wait. */
    assert_true(cpu <= 10000000);
#if !defined(WEFT__TSAN) /* which has a thread of its own that wakes ten times a second */
    assert_true(switches <= 5);
#endif
    returns = poller_returns() - returns;
    printf("the poller returned %llu times\n", (unsigned long long)returns);
    assert_true(returns == 0);
    weft_scope_fini(&s);
    close_quiet(&q);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(both_directions_of_a_descriptor_are_waited_for),
        T(a_wait_ends_late_or_cancelled_and_can_be_made_again),
        T(a_late_event_wakes_no_successor),
        T(what_was_given_up_can_be_closed_at_once),
        T(what_cannot_be_waited_for_is_an_error),
        T(blocking_calls_leave_the_workers_free),
        T(a_file_is_read_to_its_end),
        T(an_idle_process_uses_no_cpu),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
