/* Tasks whose calls never have to wait give others a turn, and descriptors that others share stay as they are.
 * ctest: timeout=120 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/shell.h"
#include "weft/datagram.h"
#include "weft/file.h"

enum { CALLS = 400 };

/* Who calls without a wait, and who is to have a turn meanwhile: both on the loop, which runs one at a time. */
static struct {
    weft_datagram *d;
    weft_listener *l;
    char path[64];
    int done, done_when_other_ran;
    weft_err e;
} turn;

static weft_err sends(void *arg)
{
    weft_address self;
    (void)arg;
    weft_datagram_address(turn.d, &self);
    for (turn.done = 0; turn.done < CALLS && turn.e == WEFT_OK; turn.done++)
        turn.e = weft_datagram_send(turn.d, "x", 1, &self, WEFT_FOREVER);
    return turn.e;
}

static weft_err receives(void *arg)
{
    char c;
    size_t n;
    (void)arg;
    for (turn.done = 0; turn.e == WEFT_OK; turn.done++)
        turn.e = weft_datagram_receive(turn.d, &c, 1, &n, NULL, WEFT_NOW);
    return turn.e == WEFT_LATE ? WEFT_OK : turn.e;
}

static weft_err accepts(void *arg)
{
    weft_stream *s;
    (void)arg;
    for (turn.done = 0; turn.e == WEFT_OK; turn.done++)
        if ((turn.e = weft_accept(turn.l, &s, WEFT_NOW)) == WEFT_OK)
            weft_close(&s);
    return turn.e == WEFT_LATE ? WEFT_OK : turn.e;
}

static weft_err dials(void *arg)
{
    weft_stream *s;
    (void)arg;
    for (turn.done = 0; turn.done < 100 && turn.e == WEFT_OK; turn.done++)
        if ((turn.e = weft_dial(w, &s, turn.path, WEFT_FOREVER)) == WEFT_OK)
            weft_close(&s);
    return turn.e;
}

static weft_err looks(void *arg)
{
    (void)arg;
    turn.done_when_other_ran = turn.done;
    return WEFT_OK;
}

/* Starts both. The loop runs one task at a time: neither begins before this one has ended. */
struct both {
    weft_scope *s;
    weft_fn busy;
};

static weft_err starts(void *arg)
{
    struct both *b = arg;
    weft_err e = weft_go(b->s, b->busy, NULL);
    return e == WEFT_OK ? weft_go(b->s, looks, NULL) : e;
}

/* `busy` on the loop, and one that comes right after it. */
static int calls_before_another_ran(weft_fn busy)
{
    weft_scope s;
    struct both b = {&s, busy};
    turn.e = WEFT_OK;
    turn.done = turn.done_when_other_ran = 0;
    weft_scope_init(&s, weft_loop(w), "turns");
    ok(weft_go(&s, starts, &b));
    ok(weft_scope_join(&s, WEFT_FOREVER));
    weft_scope_fini(&s);
    assert_true(turn.done > turn.done_when_other_ran);
    return turn.done - turn.done_when_other_ran;
}

static void who_sends_and_receives_datagrams_gives_way(void **state)
{
    (void)state;
    ok(weft_datagram_open(w, &turn.d, "127.0.0.1:0"));
    assert_true(calls_before_another_ran(sends) > CALLS / 2);
    assert_true(calls_before_another_ran(receives) > 10);
    weft_datagram_close(&turn.d);
}

static void who_accepts_and_dials_gives_way(void **state)
{
    (void)state;
    snprintf(turn.path, sizeof turn.path, "unix:@weft-turn-%d", (int)getpid());
    ok(weft_listen(w, &turn.l, turn.path, NULL));
    assert_true(calls_before_another_ran(dials) > 50);
    assert_true(turn.done == 100);
    assert_true(calls_before_another_ran(accepts) > 50);
    weft_listener_close(&turn.l);
}

static bool blocks(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void a_shared_socket_blocks_again_once_its_stream_is_closed(void **state)
{
    int fd[2], shared;
    weft_stream *s;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    shared = dup(fd[0]);
    ok(weft_stream_adopt(w, &s, fd[0]));
    weft_close(&s);
    assert_true(blocks(shared));
    close(shared);
    close(fd[1]);
}

static void a_pipe_is_left_alone_if_it_cannot_be_opened_anew(void **state)
{
    int fd[2];
    struct rlimit before, few;
    weft_stream *s = NULL;
    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)fd[1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    weft_err e = weft_stream_adopt(w, &s, fd[0]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(e, WEFT_NOMEM);
    assert_true(blocks(fd[0]));
    ok(weft_stream_adopt(w, &s, fd[0]));
    weft_close(&s);
    close(fd[1]);
}

static void a_name_is_not_missing_because_no_descriptor_is_free(void **state)
{
    struct rlimit before, few;
    weft_address a;
    int n, top = dup(0);
    (void)state;
    close(top);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)top;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    weft_err e = weft_resolve(w, "localhost:80", &a, 1, &n, weft_in_s(60));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(e, WEFT_NOMEM);
}

/* As weft_main puts it where standard output was closed. */
static void a_child_can_write_where_this_process_has_no_output(void **state)
{
    weft_process *p;
    weft_process_end end = {0};
    int saved, null;
    (void)state;
    fflush(stdout);
    saved = fcntl(1, F_DUPFD_CLOEXEC, 3);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(saved >= 0 && null >= 0 && dup2(null, 1) == 1);
    weft_err e = shell(&p, "echo hi || exit 7", (weft_command){0});
    if (e == WEFT_OK) {
        e = weft_process_wait(p, &end, weft_in_s(60));
        weft_process_close(&p);
    }
    dup2(saved, 1);
    close(saved);
    close(null);
    ok(e);
    assert_int_equal(end.code, 0);
}

/* Another process that shares a pipe has made it non-blocking meanwhile. */
static void a_file_waits_for_a_pipe_that_others_made_non_blocking(void **state)
{
    int fd[2];
    weft_file *f;
    char c = 0;
    size_t n = 0;
    (void)state;
    assert_int_equal(pipe(fd), 0);
    ok(weft_file_adopt(w, &f, fd[0]));
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usleep(20000); /* most likely after the read has begun; right either way */
        _exit(write(fd[1], "y", 1) == 1 ? 0 : 1);
    }
    ok(weft_file_read(f, &c, 1, &n));
    assert_true(n == 1 && c == 'y');
    weft_file_close(&f);
    close(fd[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_sends_and_receives_datagrams_gives_way),
        T(who_accepts_and_dials_gives_way),
        T(a_shared_socket_blocks_again_once_its_stream_is_closed),
        T(a_pipe_is_left_alone_if_it_cannot_be_opened_anew),
        T(a_name_is_not_missing_because_no_descriptor_is_free),
        T(a_child_can_write_where_this_process_has_no_output),
        T(a_file_waits_for_a_pipe_that_others_made_non_blocking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
