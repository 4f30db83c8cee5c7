/* Children that lead a process group: what they started goes with them.
 * ctest: serial */
#include <fcntl.h>
#include <sys/wait.h>

#include "loop/shell.h"
#include "port/err.h"

/* A child, and one that it started: that says back what it is told, and so shows that it lives; that both are gone
 * is seen by the end of the pipe that they write to. */
struct family {
    weft_process *p;
    weft_stream *to, *from;
    int grandchild;
};

/* The pipe's end for the child; ours is *s. */
static weft_err make_pipe(weft_stream **s, int *theirs, bool we_write)
{
    int fd[2];
    MUST(pipe2(fd, O_CLOEXEC) == 0);
    *theirs = fd[we_write ? 0 : 1];
    return weft_stream_adopt(w, s, fd[we_write ? 1 : 0]);
}

static weft_err read_number(weft_stream *s, int *number)
{
    char c = 0;
    size_t got;
    for (*number = 0; c != '\n'; *number = c == '\n' ? *number : *number * 10 + (c - '0'))
        MUST(weft_read(s, &c, 1, &got, weft_in_s(20)) == WEFT_OK);
    return WEFT_OK;
}

/* The child goes on with `rest` once it has started the other. */
static weft_err begin(struct family *f, int own_group, const char *rest)
{
    char script[128];
    int in, out;
    snprintf(script, sizeof script, "exec 3<&0; cat <&3 & echo $!; %s", rest);
    const char *argv[] = {"sh", "-c", script, NULL};
    MUST(make_pipe(&f->to, &in, true) == WEFT_OK && make_pipe(&f->from, &out, false) == WEFT_OK);
    weft_command c = {.argv = argv,
                      .in = {WEFT_STDIO_FD, in},
                      .out = {WEFT_STDIO_FD, out},
                      .own_group = own_group};
    MUST(weft_process_start(w, &f->p, &c) == WEFT_OK);
    close(in);
    close(out);
    MUST(read_number(f->from, &f->grandchild) == WEFT_OK);
    MUST(f->grandchild > 1 && f->grandchild != weft_process_pid(f->p));
    return WEFT_OK;
}

/* The grandchild does; and nothing is left to read. */
static weft_err lives(struct family *f)
{
    char text[8];
    size_t got, n = 0;
    MUST(weft_write(f->to, "hello", 5, weft_in_s(20)) == WEFT_OK);
    for (; n < 5; n += got)
        MUST(weft_read(f->from, text + n, sizeof text - n, &got, weft_in_s(20)) == WEFT_OK);
    MUST(n == 5 && memcmp(text, "hello", 5) == 0);
    return WEFT_OK;
}

/* All of the family have ended. */
static weft_err gone(struct family *f)
{
    char text[8];
    size_t got;
    MUST(weft_read(f->from, text, sizeof text, &got, weft_in_s(20)) == WEFT_CLOSED);
    weft_close(&f->from);
    weft_close(&f->to);
    return WEFT_OK;
}

static const char *const goes_on = "exec sleep 1000", *const ends = "exit 3";

static bool is_zombie(int pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static weft_err kill_group(void *arg)
{
    (void)arg;
    struct family f;
    weft_process_end end;
    for (int signal = SIGTERM;; signal = SIGKILL) {
        MUST(begin(&f, 1, goes_on) == WEFT_OK);
        int pid = weft_process_pid(f.p);
        MUST(getpgid(pid) == pid && getpgid(f.grandchild) == pid);
        MUST(weft_process_kill(f.p, 12345) == WEFT_INVALID);
        MUST(weft_process_kill(f.p, 0) == WEFT_OK && lives(&f) == WEFT_OK);
        MUST(weft_process_kill(f.p, signal) == WEFT_OK);
        MUST(gone(&f) == WEFT_OK);
        MUST(weft_process_wait(f.p, &end, weft_in_s(20)) == WEFT_OK && end.signal == signal);
        end = (weft_process_end){77, 77};
        MUST(weft_process_wait(f.p, &end, WEFT_NOW) == WEFT_OK); /* the answer stays */
        MUST(end.code == -1 && end.signal == signal);
        weft_process_close(&f.p);
        if (signal == SIGKILL)
            return WEFT_OK;
    }
}

static void a_kill_reaches_the_group(void **state)
{
    (void)state;
    run(kill_group, NULL);
    ok(kill_group(NULL));
}

static weft_err close_group(void *arg)
{
    (void)arg;
    struct family f;
    MUST(begin(&f, 1, goes_on) == WEFT_OK && lives(&f) == WEFT_OK);
    int pid = weft_process_pid(f.p);
    weft_process_close(&f.p);
    MUST(!f.p && kill(pid, 0) == -1);
    return gone(&f);
}

static void a_close_reaches_the_group(void **state)
{
    (void)state;
    run(close_group, NULL);
    ok(close_group(NULL));
}

static weft_err kill_one(void *arg)
{
    (void)arg;
    struct family f;
    weft_process_end end;
    for (int wait = 0; wait < 2; wait++) {
        MUST(begin(&f, 0, goes_on) == WEFT_OK);
        MUST(getpgid(weft_process_pid(f.p)) == getpgrp() && getpgid(f.grandchild) == getpgrp());
        if (wait) {
            MUST(weft_process_kill(f.p, SIGKILL) == WEFT_OK);
            MUST(weft_process_wait(f.p, &end, weft_in_s(20)) == WEFT_OK && end.signal == SIGKILL);
            MUST(weft_process_kill(f.p, SIGKILL) == WEFT_CLOSED);
        }
        weft_process_close(&f.p);
        MUST(lives(&f) == WEFT_OK);
        MUST(kill(f.grandchild, SIGKILL) == 0); /* it lives: the number is its own */
        MUST(gone(&f) == WEFT_OK);
    }
    return WEFT_OK;
}

static void without_a_group_the_others_are_left_alone(void **state)
{
    (void)state;
    run(kill_one, NULL);
}

/* The leader ends first, as a shell does that leaves something in the background. */
static weft_err outlive(void *arg)
{
    (void)arg;
    struct family f;
    weft_process_end end;
    MUST(begin(&f, 1, ends) == WEFT_OK);
    int pid = weft_process_pid(f.p);
    MUST(weft_process_wait(f.p, &end, weft_in_s(20)) == WEFT_OK && end.code == 3);
    MUST(lives(&f) == WEFT_OK && is_zombie(pid)); /* nobody else can have its number */
    MUST(weft_process_kill(f.p, 12345) == WEFT_INVALID);
    MUST(weft_process_kill(f.p, SIGTERM) == WEFT_OK);
    MUST(gone(&f) == WEFT_OK);
    MUST(weft_process_kill(f.p, SIGTERM) == WEFT_OK); /* there is no telling */
    end = (weft_process_end){77, 77};
    MUST(weft_process_wait(f.p, &end, WEFT_NOW) == WEFT_OK && end.code == 3 && end.signal == 0);
    MUST(is_zombie(pid));
    weft_process_close(&f.p);
    MUST(!is_zombie(pid) && kill(pid, 0) == -1);
    return WEFT_OK;
}

static void a_kill_reaches_those_who_outlive_the_leader(void **state)
{
    (void)state;
    run(outlive, NULL);
    ok(outlive(NULL));
}

static weft_err outlive_until_close(void *arg)
{
    (void)arg;
    struct family f;
    weft_process_end end;
    siginfo_t info;
    for (int wait = 0; wait < 2; wait++) {
        MUST(begin(&f, 1, ends) == WEFT_OK);
        int pid = weft_process_pid(f.p);
        if (wait)
            MUST(weft_process_wait(f.p, &end, weft_in_s(20)) == WEFT_OK && end.code == 3);
        else
            MUST(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0); /* nobody has asked */
        MUST(is_zombie(pid) && lives(&f) == WEFT_OK);
        weft_process_close(&f.p);
        MUST(!is_zombie(pid) && kill(pid, 0) == -1);
        MUST(gone(&f) == WEFT_OK);
    }
    return WEFT_OK;
}

static void a_close_reaches_those_who_outlive_the_leader(void **state)
{
    (void)state;
    run(outlive_until_close, NULL);
}

/* This program as a child that leaves the group it leads, says so and waits for the end of its input. */
static int desert(void)
{
    char c;
    if (setpgid(0, getpgid(getppid())) != 0 || write(1, "1\n", 2) != 2)
        return 1;
    return read(0, &c, 1) == 0 ? 0 : 1;
}

static weft_err kill_deserter(void *arg)
{
    (void)arg;
    const char *argv[] = {"/proc/self/exe", "desert", NULL};
    char self[256] = "";
    MUST(readlink(argv[0], self, sizeof self - 1) > 0);
    argv[0] = self;
    weft_process *p;
    weft_process_end end;
    weft_command c = {
        .argv = argv, .in = {WEFT_STDIO_PIPE, 0}, .out = {WEFT_STDIO_PIPE, 0}, .own_group = 1};
    for (int wait = 0; wait < 2; wait++) {
        int one = 0;
        MUST(weft_process_start(w, &p, &c) == WEFT_OK);
        MUST(read_number(weft_process_out(p), &one) == WEFT_OK && one == 1);
        int pid = weft_process_pid(p);
        MUST(getpgid(pid) == getpgrp());
        if (wait) {
            MUST(weft_process_kill(p, SIGTERM) == WEFT_OK);
            MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.signal == SIGTERM);
            MUST(weft_process_kill(p, SIGTERM) == WEFT_OK); /* and not to the group it went to */
        }
        weft_process_close(&p);
        MUST(kill(pid, 0) == -1);
    }
    return WEFT_OK;
}

static void a_leader_that_leaves_its_group_is_reached(void **state)
{
    (void)state;
    run(kill_deserter, NULL);
}

/* A program that ignores SIGCHLD: the number of the leader may be a stranger's, and no signal is sent. */
static weft_err lose_leader(void *arg)
{
    (void)arg;
    struct family f;
    weft_process_end end;
    MUST(begin(&f, 1, goes_on) == WEFT_OK);
    MUST(kill(weft_process_pid(f.p), SIGKILL) == 0);
    MUST(weft_process_wait(f.p, &end, weft_in_s(20)) == WEFT_LOST);
    MUST(weft_process_kill(f.p, SIGKILL) == WEFT_LOST && strstr(weft_detail(), "SIGCHLD"));
    weft_process_close(&f.p);
    MUST(lives(&f) == WEFT_OK);
    MUST(kill(f.grandchild, SIGKILL) == 0); /* it lives: the number is its own */
    return gone(&f);
}

static void a_group_whose_leader_was_taken_away_has_no_signal(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    weft_err e = lose_leader(NULL);
    signal(SIGCHLD, SIG_DFL);
    ok(e);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_children)
    const struct CMUnitTest tests[] = {
        T(a_kill_reaches_the_group),
        T(a_close_reaches_the_group),
        T(without_a_group_the_others_are_left_alone),
        T(a_kill_reaches_those_who_outlive_the_leader),
        T(a_close_reaches_those_who_outlive_the_leader),
        T(a_leader_that_leaves_its_group_is_reached),
        T(a_group_whose_leader_was_taken_away_has_no_signal),
    };
    if (argc > 1 && strcmp(argv[1], "desert") == 0)
        return desert();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
