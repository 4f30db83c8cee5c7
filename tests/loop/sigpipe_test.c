/* SIGPIPE belongs to the program: weft neither handles nor ignores it, from start to stop, and whatever breaks
 * raises none. */
#include <fcntl.h>
#include <signal.h>

#include "loop/ends.h"
#include "loop/shell.h"
#include "weft/file.h"

/* What the program has there: its own handler, or nothing. */
static int heard; /* atomic: how often its handler ran */

static void hear(int number)
{
    (void)number;
    __atomic_fetch_add(&heard, 1, __ATOMIC_ACQ_REL);
}

static void programs_own(void (*handler)(int), struct sigaction *now)
{
    struct sigaction own = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&own.sa_mask);
    sigaddset(&own.sa_mask, SIGUSR2);
    assert_int_equal(sigaction(SIGPIPE, &own, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, NULL, now), 0);
}

static bool untouched(const struct sigaction *before)
{
    struct sigaction now;
    return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == before->sa_handler &&
           now.sa_flags == before->sa_flags && sigismember(&now.sa_mask, SIGUSR2) == 1;
}

/* None was raised and is kept back: a worker has all signals blocked. */
static bool none_waits(void)
{
    sigset_t waiting;
    return sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE) == 0;
}

/* On a thread of the program. */
static bool blocked(void)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, SIGPIPE) == 1;
}

/* Write until it fails, and look on the thread on which it did. */
static weft_err write_in_vain(weft_stream *s)
{
    static const char text[2] = "xy";
    const weft_slice both[2] = {{text, 1}, {text + 1, 1}};
    weft_err e = WEFT_OK;
    for (int i = 0; i < 100000 && e == WEFT_OK; i++)
        e = i % 2 ? weft_write(s, text, 1, weft_in_s(20))
                  : weft_write_slices(s, both, 2, weft_in_s(20));
    MUST(none_waits());
    MUST(e == WEFT_CLOSED || e == WEFT_LOST);
    MUST(weft_write(s, text, 1, weft_in_s(20)) == WEFT_CLOSED); /* once more */
    MUST(none_waits());
    weft_close(&s);
    return WEFT_OK;
}

static weft_err break_pipe(void)
{
    weft_stream *out, *in;
    MUST(weft_pipe(w, &out, &in) == WEFT_OK);
    weft_close(&out);
    return write_in_vain(in);
}

static weft_err break_pair(void)
{
    weft_stream *s[2];
    MUST(weft_stream_pair(w, s) == WEFT_OK);
    weft_close(&s[1]);
    return write_in_vain(s[0]);
}

static weft_err break_at(const char *at, bool reset)
{
    weft_listener *l;
    weft_address a;
    weft_stream *s[2];
    char text[WEFT_ADDRESS_TEXT];
    MUST(weft_listen(w, &l, at, NULL) == WEFT_OK);
    weft_listener_address(l, &a);
    weft_address_text(&a, text, sizeof text);
    MUST(weft_dial(w, &s[0], text, weft_in_s(20)) == WEFT_OK);
    MUST(weft_accept(l, &s[1], weft_in_s(20)) == WEFT_OK);
    weft_listener_close(&l);
    if (reset)
        weft_stream_reset(&s[1]);
    else
        weft_close(&s[1]);
    return write_in_vain(s[0]);
}

static weft_err break_file(void)
{
    int fd[2];
    weft_file *f;
    MUST(pipe2(fd, O_CLOEXEC) == 0);
    close(fd[0]);
    MUST(weft_file_adopt(w, &f, fd[1]) == WEFT_OK);
    MUST(weft_file_write(f, "x", 1) == WEFT_CLOSED);
    MUST(none_waits());
    weft_file_close(&f);
    return WEFT_OK;
}

static weft_err break_child(void)
{
    weft_process *p;
    weft_process_end end;
    MUST(shell(&p, "exit 0", (weft_command){.in = to_pipe}) == WEFT_OK);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
    MUST(weft_write(weft_process_in(p), "x", 1, weft_in_s(20)) == WEFT_CLOSED);
    MUST(none_waits());
    weft_process_close(&p);
    return WEFT_OK;
}

static weft_err break_all(void *arg)
{
    char at[64];
    (void)arg;
    snprintf(at, sizeof at, "unix:@weft-sigpipe-%d", (int)getpid());
    weft_err e = break_pipe();
    e = e == WEFT_OK ? break_pair() : e;
    e = e == WEFT_OK ? break_at(at, false) : e;
    e = e == WEFT_OK ? break_at("127.0.0.1:0", false) : e;
    e = e == WEFT_OK ? break_at("127.0.0.1:0", true) : e;
    e = e == WEFT_OK ? break_file() : e;
    return e == WEFT_OK ? break_child() : e;
}

static void start(void)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.threads = 2;
    ok(weft_start(&w, &opts));
}

/* By a task, on a worker, and by a thread of the program. */
static void leave_alone(void (*handler)(int))
{
    struct sigaction before;
    programs_own(handler, &before);
    watch(NULL, HANG_S);
    start();
    assert_true(untouched(&before));
    run(break_all, NULL);
    assert_true(untouched(&before));
    ok(break_all(NULL));
    assert_true(untouched(&before));
    ok(weft_stop(&w, weft_in_s(20)));
    assert_true(untouched(&before));
    assert_true(none_waits());
    assert_false(blocked());
    assert_int_equal(__atomic_load_n(&heard, __ATOMIC_ACQUIRE), 0);
    signal(SIGPIPE, SIG_DFL);
}

static void where_the_program_has_no_handler_there_is_none(void **state)
{
    (void)state;
    leave_alone(SIG_DFL); /* one that was raised would end this process */
}

static void a_handler_of_the_program_stays_and_is_not_called(void **state)
{
    (void)state;
    leave_alone(hear);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_program_has_no_handler_there_is_none),
        cmocka_unit_test(a_handler_of_the_program_stays_and_is_not_called),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
