/* What must abort, in a process of its own; and who waits in a queue. */
#ifndef WEFT_TESTS_SYNC_MISUSE_H
#define WEFT_TESTS_SYNC_MISUSE_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task/wait.h"

static inline void aborts(void (*misuse)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        alarm(10);
        (void)!freopen("/dev/null", "w", stderr);
        misuse();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Until `n` wait in `q`; by the test's own thread. */
static inline void await_waiters(weft_sync_head *q, int n)
{
    for (int seen = -1; seen != n; weft__cpu_yield()) {
        seen = 0;
        weft__guard_take(weft__sync_guard(q));
        for (weft__wait *x = weft__wait_first(q); x; x = x->next)
            seen++;
        weft__guard_drop(weft__sync_guard(q));
    }
}

#endif
