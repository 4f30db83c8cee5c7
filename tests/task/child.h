/* What a process of its own says and how it ends: for what must abort, and for faults. After cmocka.h. */
#ifndef WEFT_TESTS_TASK_CHILD_H
#define WEFT_TESTS_TASK_CHILD_H

#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that `pid` writes to the pipe, of which the beginning is kept; its status, as of waitpid. */
static inline int hear_out(pid_t pid, int from, char *said, size_t room)
{
    char rest[512];
    size_t n = 0;
    int status;
    for (;;) {
        bool kept = n < room - 1;
        ssize_t got = kept ? read(from, said + n, room - 1 - n) : read(from, rest, sizeof rest);
        if (got <= 0)
            break;
        n += kept ? (size_t)got : 0;
    }
    said[n] = '\0';
    close(from);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Start this program, `self`, with the word `what`; what it says on standard error, and its status. */
static inline int run_self(const char *self, const char *what, char *said, size_t room)
{
    int out[2];
    pid_t pid;
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t)what, NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(out), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 2);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    assert_int_equal(posix_spawn(&pid, self, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    return hear_out(pid, out[0], said, room);
}

/* misuse() in a process of its own, which no engine runs in yet: it must abort. What it says. */
static inline void hear_abort(void (*misuse)(void), char *said, size_t room)
{
    int out[2], status;
    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        alarm(20);
        dup2(out[1], 2);
        misuse();
        _exit(0);
    }
    close(out[1]);
    status = hear_out(pid, out[0], said, room);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        fail_msg("status %x, not an abort: %s", (unsigned)status, said);
}

/* misuse() must abort and say `what`, with the place in the source if that is "FILE:". */
static inline void aborts(void (*misuse)(void), const char *what)
{
    char said[512];
    hear_abort(misuse, said, sizeof said);
    if (!strstr(said, what))
        fail_msg("an abort that does not say \"%s\": %s", what, said);
}

/* misuse() must abort, name a line of `file` as the place of the misuse, and say `what` of it. */
static inline void aborts_in(const char *file, void (*misuse)(void), const char *what)
{
    char said[512];
    hear_abort(misuse, said, sizeof said);
    const char *at = strstr(said, file), *text = strstr(said, ": misuse: ");
    size_t len = strlen(file);
    if (!at || !text || at > text || at[len] != ':' ||
        strspn(at + len + 1, "0123456789") != (size_t)(text - at) - len - 1 || !strstr(text, what))
        fail_msg("an abort that does not say \"%s\" of a line of %s: %s", what, file, said);
}

/* The same; the misuse is in the file that says this. */
#define aborts_here(misuse, what) aborts_in(__FILE__, (misuse), (what))

#endif
