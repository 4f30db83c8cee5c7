/* Deadlines that have passed, by one call or long ago: each call returns at once, with what is there. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "port/err.h"
#include "task/fresh.h"
#include "weft/datagram.h"
#include "weft/io.h"
#include "weft/process.h"
#include "weft/signal.h"
#include "weft/stream.h"

/* WEFT_LATE, which says more than that. */
#define LATE(x)                                                                                    \
    do {                                                                                           \
        (void)weft__fail(WEFT_STALE, "of an earlier call");                                        \
        MUST((x) == WEFT_LATE && weft_detail()[0] && !strstr(weft_detail(), "earlier call"));      \
    } while (0)

enum { PASTS = 6 };

static void list_pasts(weft_deadline past[PASTS])
{
    const weft_deadline all[PASTS] = {WEFT_NOW, {INT64_MIN + 1}, {-1},
                                      {0},      weft_in_s(-1),   weft_in_ns(0)};
    memcpy(past, all, sizeof all);
}

/* fn(&deadline) for each sort of past, as a task and as a thread. */
static void in_all_pasts(weft_fn fn)
{
    weft_deadline past[PASTS];
    list_pasts(past);
    for (int i = 0; i < PASTS; i++) {
        weft_err e = run_at(weft_pool(w), fn, &past[i]);
        if (e == WEFT_OK)
            e = fn(&past[i]);
        if (e != WEFT_OK)
            fail_msg("deadline %d: %s: %s", i, weft_strerror(e), weft_detail());
    }
}

static weft_err ready(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    int fd[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    LATE(weft_ready(fd[0], WEFT_READABLE, by));
    MUST(weft_ready(fd[0], WEFT_WRITABLE, by) == WEFT_OK);
    MUST(write(fd[1], "x", 1) == 1);
    MUST(weft_ready(fd[0], WEFT_READABLE, by) == WEFT_OK);
    close(fd[0]);
    close(fd[1]);
    return WEFT_OK;
}

static void readiness_is_asked_for(void **state)
{
    (void)state;
    in_all_pasts(ready);
}

static weft_err reads(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_stream *s[2];
    char buf[16];
    size_t got = 77;
    MUST(weft_stream_pair(w, s) == WEFT_OK);
    LATE(weft_read(s[0], buf, sizeof buf, &got, by));
    LATE(weft_read_full(s[0], buf, 4, &got, by));
    LATE(weft_read_until(s[0], "\n", buf, sizeof buf, &got, by));
    MUST(got == 77);
    MUST(weft_write(s[1], "ab", 2, weft_in_s(20)) == WEFT_OK);
    LATE(weft_read_full(s[0], buf, 4, &got, by)); /* what had come comes again */
    LATE(weft_read_until(s[0], "\n", buf, sizeof buf, &got, by));
    MUST(got == 77);
    MUST(weft_read(s[0], buf, sizeof buf, &got, by) == WEFT_OK && got == 2);
    MUST(weft_write(s[1], "abcd", 4, weft_in_s(20)) == WEFT_OK);
    MUST(weft_read_full(s[0], buf, 4, &got, by) == WEFT_OK && memcmp(buf, "abcd", 4) == 0);
    MUST(weft_write(s[1], "ab\ncd", 5, weft_in_s(20)) == WEFT_OK);
    MUST(weft_read_until(s[0], "\n", buf, sizeof buf, &got, by) == WEFT_OK && got == 3);
    MUST(weft_read(s[0], buf, sizeof buf, &got, by) == WEFT_OK && got == 2);
    weft_close(&s[1]);
    MUST(weft_read(s[0], buf, sizeof buf, &got, by) == WEFT_CLOSED);
    weft_close(&s[0]);
    return WEFT_OK;
}

static void a_read_has_what_is_there(void **state)
{
    (void)state;
    in_all_pasts(reads);
}

/* A terminal gives a line at a time: all of it is there at once, in several steps. */
static weft_err read_lines(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_stream *s;
    char buf[16];
    size_t got;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    MUST(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    MUST(fd >= 0 && write(master, "ab\ncd\n", 6) == 6);
    MUST(weft_ready(fd, WEFT_READABLE, weft_in_s(20)) == WEFT_OK);
    MUST(weft_stream_adopt(w, &s, fd) == WEFT_OK);
    MUST(weft_read_full(s, buf, 6, &got, by) == WEFT_OK && memcmp(buf, "ab\ncd\n", 6) == 0);
    weft_close(&s);
    close(master);
    return WEFT_OK;
}

static void a_read_of_several_steps_has_all_that_is_there(void **state)
{
    (void)state;
    in_all_pasts(read_lines);
}

static char much[1 << 20];

static weft_err writes_to(weft_stream *to, weft_deadline by)
{
    weft_err e = WEFT_OK;
    MUST(weft_write(to, "x", 1, by) == WEFT_OK);
    /* Small ones until it is full, so that none of them is cut. */
    for (int i = 0; i < 100000 && e == WEFT_OK; i++)
        e = weft_write(to, much, 512, by);
    MUST(e == WEFT_LATE && weft_detail()[0]);
    LATE(weft_write(to, much, sizeof much, by));
    return WEFT_OK;
}

static weft_err writes(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_stream *s[2], *out, *in;
    weft_slice many[150];
    MUST(weft_stream_pair(w, s) == WEFT_OK);
    MUST(writes_to(s[0], by) == WEFT_OK);
    weft_close(&s[0]);
    weft_close(&s[1]);
    MUST(weft_pipe(w, &out, &in) == WEFT_OK);
    MUST(writes_to(in, by) == WEFT_OK);
    weft_close(&out);
    weft_close(&in);
    /* More than the system takes in a call, and less than there is room for. */
    for (int i = 0; i < 150; i++)
        many[i] = (weft_slice){"y", 1};
    MUST(weft_stream_pair(w, s) == WEFT_OK);
    MUST(weft_write_slices(s[0], many, 150, by) == WEFT_OK);
    /* More than there is room for: the rest is missing, and the detail says of how much. */
    LATE(weft_write(s[0], much, sizeof much, by));
    MUST(strstr(weft_detail(), "bytes were written"));
    MUST(weft_write(s[0], "x", 1, by) == WEFT_INVALID);
    weft_close(&s[0]);
    weft_close(&s[1]);
    return WEFT_OK;
}

static void a_write_goes_as_far_as_there_is_room(void **state)
{
    (void)state;
    in_all_pasts(writes);
}

static weft_err accepts(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_listener *l;
    weft_address a;
    weft_stream *s = NULL, *c;
    char text[WEFT_ADDRESS_TEXT];
    MUST(weft_listen(w, &l, "127.0.0.1:0", NULL) == WEFT_OK);
    LATE(weft_accept(l, &s, by));
    MUST(s == NULL);
    weft_listener_address(l, &a);
    MUST(weft_dial(w, &c, weft_address_text(&a, text, sizeof text), weft_in_s(20)) == WEFT_OK);
    MUST(weft_accept(l, &s, by) == WEFT_OK);
    weft_close(&s);
    LATE(weft_accept(l, &s, by));
    weft_close(&c);
    weft_listener_close(&l);
    return WEFT_OK;
}

static void an_accept_has_who_is_there(void **state)
{
    (void)state;
    in_all_pasts(accepts);
}

static weft_err waits(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_process *p;
    weft_process_end end = {77, 77};
    const char *argv[] = {"cat", NULL};
    MUST(weft_process_start(w, &p, &(weft_command){.argv = argv, .in = {WEFT_STDIO_PIPE, 0}}) ==
         WEFT_OK);
    LATE(weft_process_wait(p, &end, by));
    MUST(end.code == 77);
    weft_process_close_in(p);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.code == 0);
    end.code = 77;
    MUST(weft_process_wait(p, &end, by) == WEFT_OK && end.code == 0);
    weft_process_close(&p);
    /* One that has ended and was not yet asked. */
    MUST(weft_process_start(w, &p, &(weft_command){.argv = argv, .in = {WEFT_STDIO_NULL, 0}}) ==
         WEFT_OK);
    int64_t until = weft_clock() + INT64_C(20000000000);
    while (weft_process_kill(p, 0) == WEFT_OK && weft_clock() < until)
        ignore(weft_yield());
    MUST(weft_process_wait(p, &end, by) == WEFT_OK && end.code == 0);
    weft_process_close(&p);
    return WEFT_OK;
}

static void a_process_is_asked_for_its_end(void **state)
{
    (void)state;
    in_all_pasts(waits);
}

static weft_err datagrams(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    weft_datagram *d[2];
    weft_address to;
    char at[64], buf[16];
    size_t len = 77;
    snprintf(at, sizeof at, "unix:@weft-late-%d", (int)getpid());
    MUST(weft_datagram_open(w, &d[0], at) == WEFT_OK);
    MUST(weft_datagram_open(w, &d[1], NULL) == WEFT_OK);
    weft_datagram_address(d[0], &to);
    LATE(weft_datagram_receive(d[0], buf, sizeof buf, &len, NULL, by));
    MUST(len == 77);
    weft_err e = WEFT_OK;
    int sent = 0;
    for (; sent < 100000 && e == WEFT_OK; sent++)
        e = weft_datagram_send(d[1], "x", 1, &to, by);
    MUST(e == WEFT_LATE && sent > 1 && weft_detail()[0]);
    for (int i = 1; i < sent; i++)
        MUST(weft_datagram_receive(d[0], buf, sizeof buf, &len, NULL, by) == WEFT_OK && len == 1);
    LATE(weft_datagram_receive(d[0], buf, sizeof buf, &len, NULL, by));
    MUST(weft_datagram_send(d[1], "x", 1, &to, by) == WEFT_OK); /* there is room again */
    weft_datagram_close(&d[0]);
    weft_datagram_close(&d[1]);
    return WEFT_OK;
}

static void datagrams_go_and_come_if_they_can(void **state)
{
    (void)state;
    in_all_pasts(datagrams);
}

static weft_signals *caught;

/* One has come before, and no other. */
static weft_err take_one(void *arg)
{
    const weft_deadline by = *(weft_deadline *)arg;
    int number = 0;
    MUST(weft_signals_next(caught, &number, by) == WEFT_OK && number == SIGUSR1);
    number = 77;
    LATE(weft_signals_next(caught, &number, by));
    MUST(number == 77);
    return WEFT_OK;
}

/* Every call of this raises one in the thread of the test, which does not block it. */
static weft_err take_after_raise(void *arg)
{
    raise(SIGUSR1);
    weft_err e = run_at(weft_pool(w), take_one, arg);
    if (e != WEFT_OK)
        return e;
    raise(SIGUSR1);
    return take_one(arg);
}

static void a_signal_is_had_if_it_came(void **state)
{
    (void)state;
    weft_deadline past[PASTS];
    const int numbers[] = {SIGUSR1};
    assert_int_equal(weft_signals_open(w, &caught, numbers, 1), WEFT_OK);
    list_pasts(past);
    for (int i = 0; i < PASTS; i++)
        if (take_after_raise(&past[i]) != WEFT_OK)
            fail_msg("deadline %d: %s", i, weft_detail());
    weft_signals_close(&caught);
}

/* Who ends late is told for what it waited. */
#define NAMES(x, ...)                                                                              \
    do {                                                                                           \
        char expected[200];                                                                        \
        snprintf(expected, sizeof expected, __VA_ARGS__);                                          \
        assert_int_equal((x), WEFT_LATE);                                                          \
        assert_non_null(strstr(weft_detail(), expected));                                          \
    } while (0)

static void what_was_waited_for_has_a_name(void **state)
{
    (void)state;
    weft_listener *l;
    weft_stream *s;
    weft_datagram *d;
    weft_process *p;
    weft_process_end end;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT], buf[8];
    size_t n;
    int number, fd[2];
    const char *argv[] = {"sleep", "100", NULL};
    ok(weft_listen(w, &l, "127.0.0.1:0", NULL));
    weft_listener_address(l, &a);
    NAMES(weft_accept(l, &s, weft_in_ms(1)), "accept at %s: nobody",
          weft_address_text(&a, text, sizeof text));
    weft_listener_close(&l);
    ok(weft_signals_open(w, &caught, (const int[]){SIGUSR1},
                         1)); /* perhaps by the listener's number */
    NAMES(weft_signals_next(caught, &number, weft_in_ms(1)), "signals: none came");
    weft_signals_close(&caught);
    ok(weft_datagram_open(w, &d, "127.0.0.1:0"));
    weft_datagram_address(d, &a);
    NAMES(weft_datagram_receive(d, buf, sizeof buf, &n, NULL, weft_in_ms(1)), "at %s: receive",
          weft_address_text(&a, text, sizeof text));
    weft_datagram_close(&d);
    ok(weft_process_start(w, &p, &(weft_command){.argv = argv}));
    NAMES(weft_process_wait(p, &end, weft_in_ms(1)), "process %d: it still runs",
          weft_process_pid(p));
    weft_process_close(&p);
    assert_int_equal(pipe(fd), 0);
    NAMES(weft_ready(fd[0], WEFT_READABLE, weft_in_ms(1)), "descriptor %d", fd[0]);
    close(fd[0]);
    close(fd[1]);
}

static void a_close_leaves_the_detail_alone(void **state)
{
    (void)state;
    weft_process *p;
    const char *argv[] = {"true", NULL};
    for (int own = 0; own < 2; own++) {
        weft_process_end end;
        ok(weft_process_start(w, &p, &(weft_command){.argv = argv, .own_group = own}));
        ok(weft_process_wait(p, &end, weft_in_s(20)));
        (void)weft__fail(WEFT_STALE, "why it is closed");
        weft_process_close(&p);
        assert_string_equal(weft_detail(), "why it is closed");
    }
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(readiness_is_asked_for),
        T(a_read_has_what_is_there),
        T(a_read_of_several_steps_has_all_that_is_there),
        T(a_write_goes_as_far_as_there_is_room),
        T(an_accept_has_who_is_there),
        T(a_process_is_asked_for_its_end),
        T(datagrams_go_and_come_if_they_can),
        T(a_signal_is_had_if_it_came),
        T(what_was_waited_for_has_a_name),
        T(a_close_leaves_the_detail_alone),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
