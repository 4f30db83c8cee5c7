/* Signals as events.
 * ctest: serial */
#include <pthread.h>
#include <sys/resource.h>

#include "task/fresh.h"
#include "weft/atomic.h"
#include "weft/io.h"
#include "weft/signal.h"
#include "weft/sync.h"

static weft_signals *open_signals(int one, int two)
{
    weft_signals *s = NULL;
    const int numbers[] = {one, two};
    assert_int_equal(weft_signals_open(w, &s, numbers, two ? 2 : 1), WEFT_OK);
    return s;
}

/* A wait for the next, as a task. */
struct taking {
    weft_signals *s;
    weft_deadline by;
    weft_sem *begun;
    int number;
    weft_err result;
};

static weft_err take(void *arg)
{
    struct taking *t = arg;
    weft_sem_release(t->begun);
    t->result = weft_signals_next(t->s, &t->number, t->by);
    return WEFT_OK;
}

static void every_run_of_the_handler_is_handed_out_in_turns(void **state)
{
    (void)state;
    weft_signals *s = open_signals(SIGUSR1, SIGUSR2);
    int number = 0, ones = 0, twos = 0, last = 0;
    for (int i = 0; i < 50; i++) {
        raise(SIGUSR1);
        raise(SIGUSR2);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(weft_signals_next(s, &number, WEFT_NOW), WEFT_OK);
        assert_int_not_equal(number, last);
        last = number;
        ones += number == SIGUSR1;
        twos += number == SIGUSR2;
    }
    assert_int_equal(ones, 50);
    assert_int_equal(twos, 50);
    assert_int_equal(weft_signals_next(s, &number, WEFT_NOW), WEFT_LATE);
    weft_signals_close(&s);
    assert_null(s);
    weft_signals_close(&s);
}

static void a_task_waits_for_a_signal(void **state)
{
    (void)state;
    weft_sem begun = WEFT_SEM_INIT("begun", 0);
    weft_scope sc;
    weft_signals *s = open_signals(SIGTERM, SIGRTMIN + 3);
    for (int i = 0; i < 20; i++) {
        int number = i % 2 ? SIGTERM : SIGRTMIN + 3;
        struct taking t = {s, WEFT_FOREVER, &begun, 0, WEFT_STALE};
        weft_scope_init(&sc, weft_pool(w), "taker");
        assert_int_equal(weft_go(&sc, take, &t), WEFT_OK);
        assert_int_equal(weft_sem_acquire(&begun, weft_in_s(20)), WEFT_OK);
        assert_int_equal(kill(getpid(), number), 0);
        assert_int_equal(weft_scope_join(&sc, weft_in_s(20)), WEFT_OK);
        weft_scope_fini(&sc);
        assert_int_equal(t.result, WEFT_OK);
        assert_int_equal(t.number, number);
    }
    weft_signals_close(&s);
}

/* Waits once. Who looks whether it waits may be inside at that moment. */
static weft_err take_one(void *arg)
{
    struct taking *t = arg;
    weft_err e;
    while ((e = weft_signals_next(t->s, &t->number, WEFT_FOREVER)) == WEFT_INVALID)
        ignore(weft_yield());
    t->result = e;
    weft_sem_release(t->begun); /* it has ended */
    return WEFT_OK;
}

/* Until the task waits in weft_signals_next, or has left it with a signal. */
static void until_it_waits(const struct taking *t)
{
    int number;
    while (weft_sem_acquire(t->begun, WEFT_NOW) == WEFT_LATE) {
        if (weft_signals_next(t->s, &number, WEFT_NOW) == WEFT_INVALID)
            return;
        ignore(weft_yield());
    }
}

static void late_and_cancelled_take_nothing(void **state)
{
    (void)state;
    weft_sem begun = WEFT_SEM_INIT("begun", 0), ended = WEFT_SEM_INIT("ended", 0);
    weft_scope sc;
    weft_signals *s = open_signals(SIGUSR1, 0);
    struct taking t = {s, weft_in_ms(10), &begun, 77, WEFT_STALE};
    assert_int_equal(run_at(weft_pool(w), take, &t), WEFT_OK);
    assert_int_equal(t.result, WEFT_LATE);
    t.begun = &ended;
    weft_scope_init(&sc, weft_pool(w), "cancelled");
    assert_int_equal(weft_go(&sc, take_one, &t), WEFT_OK);
    until_it_waits(&t);
    assert_int_equal(weft_scope_join(&sc, weft_in_ms(20)), WEFT_LATE);
    /* One at a time. */
    int number;
    assert_int_equal(weft_signals_next(s, &number, WEFT_NOW), WEFT_INVALID);
    weft_scope_fini(&sc);
    assert_int_equal(t.result, WEFT_CANCELLED);
    assert_int_equal(t.number, 77);
    raise(SIGUSR1);
    assert_int_equal(weft_signals_next(s, &number, weft_in_s(20)), WEFT_OK);
    assert_int_equal(number, SIGUSR1);
    weft_signals_close(&s);
}

static volatile sig_atomic_t seen;

static void see(int number)
{
    seen = number;
}

static void what_was_there_is_put_back(void **state)
{
    (void)state;
    struct sigaction now;
    int number;
    signal(SIGUSR1, see);
    signal(SIGUSR2, SIG_IGN);
    weft_signals *s = open_signals(SIGUSR1, SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    assert_int_equal(seen, 0);
    assert_int_equal(weft_signals_next(s, &number, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_signals_next(s, &number, WEFT_NOW), WEFT_OK);
    weft_signals_close(&s);
    raise(SIGUSR1);
    assert_int_equal(seen, SIGUSR1);
    sigaction(SIGUSR2, NULL, &now);
    assert_true(now.sa_handler == SIG_IGN);
    /* What somebody else has put over it stays. */
    s = open_signals(SIGUSR2, 0);
    signal(SIGUSR2, see);
    weft_signals_close(&s);
    raise(SIGUSR2);
    assert_int_equal(seen, SIGUSR2);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static void what_cannot_be_taken_is_an_error_and_changes_nothing(void **state)
{
    (void)state;
    struct sigaction now;
    weft_signals *none = NULL;
    const int never[] = {0,       -1,     65,     1000,   32,      33,      SIGKILL, SIGSTOP,
                         SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,  SIGPIPE};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        const int numbers[] = {SIGUSR1, never[i]};
        assert_int_equal(weft_signals_open(w, &none, numbers, 2), WEFT_INVALID);
        sigaction(SIGUSR1, NULL, &now);
        assert_true(now.sa_handler == SIG_DFL);
    }
    assert_int_equal(weft_signals_open(w, &none, never, 0), WEFT_INVALID);

    weft_signals *s = open_signals(SIGUSR2, SIGUSR2), *t = NULL;
    const int both[] = {SIGUSR1, SIGUSR2};
    assert_int_equal(weft_signals_open(w, &none, both, 2), WEFT_INUSE);
    sigaction(SIGUSR1, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
    t = open_signals(SIGUSR1, 0);
    weft_signals_close(&s);
    weft_signals_close(&t);

    struct rlimit before, few;
    getrlimit(RLIMIT_NOFILE, &before);
    int free = dup(0);
    close(free);
    few = (struct rlimit){(rlim_t)free, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    weft_err e = weft_signals_open(w, &none, both, 2);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(e, WEFT_NOMEM);
    assert_null(none);
    sigaction(SIGUSR1, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
}

struct sender {
    WEFT_ATOMIC(uint32_t) stop; /* set by the test, read by the sender */
    long sent;
};

static void *send_signals(void *arg)
{
    struct sender *x = arg;
    while (!weft_atomic_load(&x->stop, WEFT_RELAXED)) {
        kill(getpid(), SIGUSR1);
        x->sent++;
        usleep(20); /* at full speed the receiver would do nothing but handle them */
    }
    return NULL;
}

/* With and without signals that come meanwhile; what was there before ignores them. */
static void close_lets_the_waiter_go(void **state)
{
    (void)state;
    struct sender x = {.sent = 0};
    pthread_t sender;
    weft_scope sc;
    int closed = 0;
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < 600; i++) {
        weft_sem ended = WEFT_SEM_INIT("ended", 0);
        weft_signals *s = open_signals(SIGUSR1, 0);
        struct taking t = {s, WEFT_FOREVER, &ended, 0, WEFT_STALE};
        if (i == 200)
            assert_int_equal(pthread_create(&sender, NULL, send_signals, &x), 0);
        weft_scope_init(&sc, weft_pool(w), "taker");
        assert_int_equal(weft_go(&sc, take_one, &t), WEFT_OK);
        until_it_waits(&t);
        if (i % 2)
            weft_signals_stop(s);
        weft_signals_close(&s);
        assert_int_equal(weft_scope_join(&sc, weft_in_s(20)), WEFT_OK);
        weft_scope_fini(&sc);
        assert_true(t.result == WEFT_CLOSED || (i >= 200 && t.result == WEFT_OK));
        closed += t.result == WEFT_CLOSED;
    }
    weft_atomic_store(&x.stop, 1, WEFT_RELAXED);
    pthread_join(sender, NULL);
    assert_true(x.sent > 0 && closed >= 200);
    signal(SIGUSR1, SIG_DFL);
}

/* A task that waits in a loop is sent away, and comes no more. */
static weft_err take_on_and_on(void *arg)
{
    struct taking *t = arg;
    do {
        t->result = weft_signals_next(t->s, &t->number, WEFT_FOREVER);
    } while (t->result == WEFT_OK || t->result == WEFT_INVALID);
    return WEFT_OK;
}

static weft_err stop_it(void *arg)
{
    weft_signals_stop(arg);
    return WEFT_OK;
}

static void who_waits_for_stopped_signals_is_sent_away(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int i = 0; i < 150; i++) {
        int number = 77;
        weft_scope sc;
        weft_signals *s = open_signals(SIGUSR1, 0);
        struct taking t = {.s = s, .result = WEFT_STALE};
        weft_scope_init(&sc, places[i % 3], "taker");
        assert_int_equal(weft_go(&sc, take_on_and_on, &t), WEFT_OK);
        if (i % 5 == 0) /* most times it waits by then */
            assert_int_equal(weft_scope_join(&sc, weft_in_ms(2)), WEFT_LATE);
        if (i % 2)
            raise(SIGUSR1);
        if (i % 4 < 2)
            weft_signals_stop(s);
        else
            assert_int_equal(run_at(weft_pool(w), stop_it, s), WEFT_OK);
        assert_int_equal(weft_scope_join(&sc, weft_in_s(20)), WEFT_OK);
        weft_scope_fini(&sc);
        assert_int_equal(t.result, WEFT_CLOSED);
        raise(SIGUSR1); /* it is still taken: else this would be the end */
        assert_int_equal(weft_signals_next(s, &number, weft_in_s(20)), WEFT_CLOSED);
        assert_non_null(strstr(weft_detail(), "stopped"));
        assert_int_equal(number, 77);
        weft_signals_stop(s);
        weft_signals_close(&s);
    }
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_run_of_the_handler_is_handed_out_in_turns),
        T(a_task_waits_for_a_signal),
        T(late_and_cancelled_take_nothing),
        T(what_was_there_is_put_back),
        T(what_cannot_be_taken_is_an_error_and_changes_nothing),
        T(who_waits_for_stopped_signals_is_sent_away),
        T(close_lets_the_waiter_go),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
