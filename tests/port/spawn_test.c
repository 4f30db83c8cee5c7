#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/clock.h"
#include "port/env.h"
#include "port/fd.h"
#include "port/futex.h"
#include "port/pipe.h"
#include "port/program.h"
#include "port/signals.h"
#include "port/spawn.h"
#include "port/spawn_guard.h"
#include "port/thread.h"

enum { LIMIT_MS = 20000 };

/* Wait until the process ended. */
static weft__process_end ended(weft__process *p)
{
    weft__process_end end = {.code = -1};
    struct pollfd fd = {.fd = p->fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
    assert_true(weft__process_ended(p, &end));
    return end;
}

static weft__process_end finish(weft__process *p)
{
    weft__process_end end = ended(p);
    weft__process_reap(p);
    assert_int_equal(p->fd, -1);
    return end;
}

/* Start `sh -c script` as `how` says. */
static weft_err shell(weft__process *p, weft__spawn how, const char *script)
{
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script,
                    NULL};
    how.program = "/bin/sh";
    how.argv = argv;
    return weft__spawn_start(p, &how);
}

/* A word that a child can write as well. */
static weft__group *shared_group(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    return at;
}

static const weft__spawn quiet = {.in = -1, .out = -1, .err = 2};

/* What a script prints. */
static const char *printed(weft__spawn how, const char *script)
{
    static char text[4096];
    int r, w;
    size_t len = 0, got;
    weft__process p;
    assert_int_equal(weft__pipe_open(&r, &w), WEFT_OK);
    how.out = w;
    assert_int_equal(shell(&p, how, script), WEFT_OK);
    weft__fd_close(w);
    while (weft__fd_read(r, text + len, sizeof text - 1 - len, &got) == WEFT_OK && got > 0)
        len += got;
    text[len] = 0;
    weft__fd_close(r);
    assert_int_equal(finish(&p).code, 0);
    return text;
}

static void test_how_it_ended_is_known(void **state)
{
    (void)state;
    weft__process p;
    assert_int_equal(shell(&p, quiet, "exit 7"), WEFT_OK);
    weft__process_end end = finish(&p);
    assert_false(end.killed);
    assert_int_equal(end.code, 7);
    assert_int_equal(shell(&p, quiet, "kill -9 $$"), WEFT_OK);
    end = finish(&p);
    assert_true(end.killed);
    assert_int_equal(end.code, 9);
    assert_int_equal(shell(&p, quiet, "exec sleep 100"), WEFT_OK);
    assert_false(weft__process_ended(&p, &end));
    weft__group_signal(p.pid, weft__signal_term);
    end = finish(&p);
    assert_true(end.killed);
    assert_int_equal(end.code, 15);
}

static void test_what_cannot_run_is_an_error(void **state)
{
    (void)state;
    char *argv[] = {(char *)(uintptr_t) "x", NULL};
    weft__group *group = shared_group();
    weft__process p;
    weft__spawn how = quiet;
    how.argv = argv;
    how.group_at = group;
    how.program = "/no/such/program";
    assert_int_equal(weft__spawn_start(&p, &how), WEFT_MISSING);
    assert_non_null(strstr(weft_detail(), "/no/such/program"));
    how.program = "/etc/passwd";
    assert_int_equal(weft__spawn_start(&p, &how), WEFT_DENIED);
    /* pairs with the child's store, and the parent's after it */
    assert_int_equal(weft_atomic_load(group, WEFT_RELAXED), 0);
    munmap(group, 4096);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of them */
    assert_int_equal(errno, ECHILD);
}

static void test_environment_and_descriptors(void **state)
{
    (void)state;
    weft__spawn how = quiet;
    setenv("WEFT_SPAWN", "old", 1);
    setenv("WEFT_SPAWNED", "kept", 1);
    how.variable = "WEFT_SPAWN=new";
    assert_string_equal(printed(how, "echo $WEFT_SPAWN $WEFT_SPAWNED; env | grep -c ^WEFT_SPAWN="),
                        "new kept\n1\n");
    assert_string_equal(getenv("WEFT_SPAWN"), "old");
    assert_string_equal(printed(quiet, "read x || echo nothing"), "nothing\n");
    int r, w;
    assert_int_equal(weft__pipe_open(&r, &w), WEFT_OK);
    assert_int_equal(weft__fd_write(w, "line\n", 5), WEFT_OK);
    weft__fd_close(w);
    how.in = r;
    assert_string_equal(printed(how, "cat"), "line\n");
    weft__fd_close(r);
    how.in = -1;
    how.descriptors = 77;
    assert_string_equal(printed(how, "ulimit -Sn"), "77\n");
}

static void test_a_group_of_its_own(void **state)
{
    (void)state;
    weft__group *group = shared_group();
    weft__spawn how = quiet;
    how.group_at = group;
    int own = atoi(printed(how, "cut -d' ' -f5 /proc/$$/stat"));
    assert_int_not_equal(own, getpgrp());
    /* pairs with the child's store */
    assert_int_equal(own, weft_atomic_load(group, WEFT_RELAXED));
    munmap(group, 4096);
}

static void test_signals_are_as_new(void **state)
{
    (void)state;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    const char *status = printed(quiet, "grep -E 'Sig(Blk|Ign)' /proc/self/status");
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_bound_to_its_cpus(void **state)
{
    (void)state;
    weft__cpuset mask, one;
    unsigned cpu = 0;
    assert_int_equal(weft__thread_cpus(&mask), WEFT_OK);
    while (!weft__cpuset_has(&mask, cpu))
        cpu++;
    weft__cpuset_clear(&one);
    weft__cpuset_add(&one, cpu);
    weft__spawn how = quiet;
    how.cpus = &one;
    char want[32];
    snprintf(want, sizeof want, "%u\n", cpu);
    assert_string_equal(printed(how, "grep Cpus_allowed_list /proc/self/status | cut -f2"), want);
    weft__cpuset_clear(&one);
    weft__process p;
    assert_int_equal(shell(&p, how, "true"), WEFT_SYS);
    assert_non_null(strstr(weft_detail(), "bind"));
}

/* Fork a parent that starts a sleeper in a group of its own, and one in a session of its own, with
 * or without a guard, with or without the guard's mark; returns the sleepers once they run. */
static pid_t family(bool guarded, bool marked, int *sleeper, int *escaped)
{
    static char mark[] = "WEFT_TEST_MARK=spawn_test";
    int r, w;
    assert_int_equal(weft__pipe_open(&r, &w), WEFT_OK);
    pid_t pid = fork();
    if (pid == 0) {
        weft__spawn_guard guard = {0};
        weft__group none = {0};
        weft__process p;
        weft__spawn how = quiet;
        if (marked)
            weft__env_set(mark);
        if (guarded && weft__spawn_guard_start(&guard, 1, mark) != WEFT_OK)
            _exit(1);
        how.out = w;
        how.group_at = guarded ? guard.groups : &none;
        if (shell(&p, how, "setsid sh -c 'echo $$; exec sleep 100' & sleep 100 & echo $!; wait") !=
            WEFT_OK)
            _exit(1);
        for (;;)
            pause();
    }
    char text[64] = "";
    size_t len = 0, got = 1;
    weft__fd_close(w);
    while (got > 0 && len < sizeof text - 1 &&
           (!strchr(text, '\n') || strchr(text, '\n') == strrchr(text, '\n')) &&
           weft__fd_read(r, text + len, sizeof text - 1 - len, &got) == WEFT_OK)
        len += got;
    weft__fd_close(r);
    int first = 0, second = 0;
    assert_int_equal(sscanf(text, "%d %d", &first, &second), 2);
    *escaped = getsid(first) == first ? first : second;
    *sleeper = *escaped == first ? second : first;
    return pid;
}

/* Whether process `pid` ends in time; who adopts it may be slow to reap it. */
static bool ends(int pid)
{
    char path[64], text[256];
    int64_t until = weft__clock_ns() + LIMIT_MS * INT64_C(1000000);
    while (weft__clock_ns() < until) {
        size_t got = 0;
        int fd;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if (weft__fd_open_read(path, &fd) != WEFT_OK)
            return true;
        weft_err e = weft__fd_read(fd, text, sizeof text - 1, &got);
        weft__fd_close(fd);
        text[got] = 0;
        if (e != WEFT_OK || strstr(text, ") Z ") || strstr(text, ") X "))
            return true;
        weft__cpu_yield();
    }
    return false;
}

static void test_the_guard_ends_what_a_killed_parent_left(void **state)
{
    (void)state;
    int sleeper, escaped;
    pid_t parent = family(true, true, &sleeper, &escaped);
    kill(parent, SIGKILL);
    bool first = ends(sleeper), second = ends(escaped);
    waitpid(parent, NULL, 0);
    assert_true(first);
    assert_true(second);
}

static void test_the_guard_ends_groups_that_hide_their_mark(void **state)
{
    (void)state;
    int sleeper, escaped;
    pid_t parent = family(true, false, &sleeper, &escaped);
    kill(parent, SIGKILL);
    bool ended_in_time = ends(sleeper);
    kill(escaped, SIGKILL);
    waitpid(parent, NULL, 0);
    assert_true(ended_in_time);
}

static void test_a_child_dies_with_its_parent(void **state)
{
    (void)state;
    int sleeper, escaped;
    pid_t parent = family(false, true, &sleeper, &escaped);
    char path[64], text[64] = "";
    size_t got;
    int fd, child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", sleeper, sleeper);
    assert_int_equal(weft__fd_open_read(path, &fd), WEFT_OK);
    assert_int_equal(weft__fd_read(fd, text, sizeof text - 1, &got), WEFT_OK);
    weft__fd_close(fd);
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &child), 1);
    kill(parent, SIGKILL);
    bool ended_in_time = ends(child);
    kill(sleeper, SIGKILL);
    kill(escaped, SIGKILL);
    waitpid(parent, NULL, 0);
    assert_true(ended_in_time);
}

static void test_a_stopped_guard_ends_nothing(void **state)
{
    (void)state;
    weft__spawn_guard guard;
    weft__process p;
    weft__process_end end;
    weft__spawn how = quiet;
    assert_int_equal(weft__spawn_guard_start(&guard, 1, "WEFT_TEST_MARK=none"), WEFT_OK);
    how.group_at = guard.groups;
    assert_int_equal(shell(&p, how, "exec sleep 100"), WEFT_OK);
    weft__spawn_guard_stop(&guard);
    assert_int_equal(guard.pid, 0);
    assert_false(weft__process_ended(&p, &end));
    weft__group_signal(p.pid, weft__signal_kill);
    assert_true(finish(&p).killed);
}

static bool nobody(void *arg, int pid)
{
    (void)arg;
    (void)pid;
    return false;
}

static void test_orphans_are_adopted_and_ended(void **state)
{
    (void)state;
    weft__process p;
    assert_int_equal(weft__orphans_adopt(), WEFT_OK);
    assert_int_equal(shell(&p, quiet, "setsid sh -c 'sleep 100 & sleep 100' & setsid sleep 100 &"),
                     WEFT_OK);
    finish(&p);
    weft__orphans_reap(nobody, NULL);
    int none = waitpid(-1, NULL, WNOHANG);
    assert_int_equal(none, 0); /* they run, and are ours */
    weft__orphans_end();
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_programs_are_found_as_by_a_shell(void **state)
{
    (void)state;
    char path[256], tiny[4];
    assert_int_equal(weft__program_find("sh", path, sizeof path), WEFT_OK);
    assert_true(path[0] == '/');
    assert_int_equal(weft__program_find("/bin/sh", path, sizeof path), WEFT_OK);
    assert_string_equal(path, "/bin/sh");
    assert_int_equal(weft__program_find("no-such-program", path, sizeof path), WEFT_MISSING);
    assert_non_null(strstr(weft_detail(), "no-such-program: not in the folders of PATH"));
    assert_null(strstr(weft_detail(), "here"));
    assert_int_equal(weft__program_find("", path, sizeof path), WEFT_MISSING);
    assert_int_equal(weft__program_find("/etc/passwd", path, sizeof path), WEFT_DENIED);
    assert_non_null(strstr(weft_detail(), "chmod +x"));
    assert_int_equal(weft__program_find("/etc", path, sizeof path), WEFT_DENIED);
    assert_non_null(strstr(weft_detail(), "is a directory"));
    assert_int_not_equal(weft__program_find("/bin/sh", tiny, sizeof tiny), WEFT_OK);
}

static void test_a_row_of_descriptors(void **state)
{
    (void)state;
    int fds[4], other;
    assert_int_equal(weft__pipe_open(&fds[0], &fds[1]), WEFT_OK);
    assert_int_equal(weft__pipe_open(&other, &fds[2]), WEFT_OK);
    fds[3] = other;
    int64_t was[4];
    for (int i = 0; i < 4; i++)
        was[i] = fds[i];
    assert_int_equal(weft__fd_row(fds, 4), WEFT_OK);
    assert_true(was[3] != was[2] + 1);
    for (int i = 1; i < 4; i++)
        assert_int_equal(fds[i], fds[0] + i);
    char byte = 0;
    size_t got;
    assert_int_equal(weft__fd_write(fds[1], "a", 1), WEFT_OK);
    assert_int_equal(weft__fd_write(fds[2], "b", 1), WEFT_OK);
    assert_int_equal(weft__fd_read(fds[0], &byte, 1, &got), WEFT_OK);
    assert_int_equal(byte, 'a');
    assert_int_equal(weft__fd_read(fds[3], &byte, 1, &got), WEFT_OK);
    assert_int_equal(byte, 'b');
    for (int i = 0; i < 4; i++)
        weft__fd_close(fds[i]);
}

static void test_writing_is_never_held_up(void **state)
{
    (void)state;
    static char block[100000];
    int r, w;
    size_t put = 0, all = 0;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(weft__pipe_open(&r, &w), WEFT_OK);
    weft_err e = WEFT_OK;
    for (int i = 0; i < 1000 && e == WEFT_OK; i++) {
        e = weft__fd_write_some(w, "pipe", block, sizeof block, false, &put);
        all += e == WEFT_OK ? put : 0;
    }
    assert_int_equal(e, WEFT_EMPTY);
    assert_true(all >= 4096);
    weft__fd_close(r);
    assert_int_equal(weft__fd_write_some(w, "pipe", block, 10, false, &put), WEFT_CLOSED);
    weft__fd_close(w);
    signal(SIGPIPE, SIG_DFL);
}

static void test_signals_are_events(void **state)
{
    (void)state;
    sigset_t before;
    weft__signals s;
    int number = 0;
    sigprocmask(SIG_SETMASK, NULL, &before);
    signal(SIGHUP, SIG_IGN);
    assert_int_equal(weft__signals_open(&s), WEFT_OK);
    assert_int_equal(weft__signals_next(&s, &number), WEFT__SIGNAL_NONE);
    kill(getpid(), SIGHUP); /* ignored before, and so still */
    assert_int_equal(weft__signals_next(&s, &number), WEFT__SIGNAL_NONE);
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGCONT);
    assert_int_equal(weft__signals_next(&s, &number), WEFT__SIGNAL_END);
    assert_int_equal(number, SIGTERM);
    assert_int_equal(weft__signals_next(&s, &number), WEFT__SIGNAL_GO_ON);
    weft__signals_close(&s);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(weft__signal_name(9), "Killed");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_it_ended_is_known),
        cmocka_unit_test(test_what_cannot_run_is_an_error),
        cmocka_unit_test(test_environment_and_descriptors),
        cmocka_unit_test(test_a_group_of_its_own),
        cmocka_unit_test(test_signals_are_as_new),
        cmocka_unit_test(test_bound_to_its_cpus),
        cmocka_unit_test(test_a_child_dies_with_its_parent),
        cmocka_unit_test(test_the_guard_ends_what_a_killed_parent_left),
        cmocka_unit_test(test_the_guard_ends_groups_that_hide_their_mark),
        cmocka_unit_test(test_a_stopped_guard_ends_nothing),
        cmocka_unit_test(test_orphans_are_adopted_and_ended),
        cmocka_unit_test(test_programs_are_found_as_by_a_shell),
        cmocka_unit_test(test_a_row_of_descriptors),
        cmocka_unit_test(test_writing_is_never_held_up),
        cmocka_unit_test(test_signals_are_events),
    };
    alarm(100);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
