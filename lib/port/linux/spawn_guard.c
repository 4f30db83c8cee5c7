#include "port/spawn_guard.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/fd.h"

enum { ROUNDS = 20, ROUND_MS = 10, ENVIRONMENT_MAX = 256 * 1024 };

/* Whether the environment of process `pid` has `mark`. */
static bool is_marked(const char *pid, const char *mark)
{
    static char text[ENVIRONMENT_MAX];
    char path[64];
    size_t len = 0;
    ssize_t n;
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    text[len] = 0;
    for (size_t at = 0; at < len; at += strlen(text + at) + 1)
        if (strcmp(text + at, mark) == 0)
            return true;
    return false;
}

static int kill_marked(const char *mark)
{
    int killed = 0, self = getpid();
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *d; (d = readdir(proc));) {
        int pid = isdigit((unsigned char)d->d_name[0]) ? atoi(d->d_name) : 0;
        if (pid > 1 && pid != self && is_marked(d->d_name, mark))
            killed += kill(pid, SIGKILL) == 0;
    }
    closedir(proc);
    return killed;
}

/* The last child may still be between its birth and its first line: several rounds. A dead process
 * has no environment, so that the marked ones come to an end. */
static void kill_all(const weft__group *groups, int count, const char *mark)
{
    for (int round = 0, killed = 1; round < ROUNDS && (killed > 0 || round < 3); round++) {
        for (int i = 0; i < count; i++) {
            /* pairs with the child's store and the launcher's, which came before the pipe closed */
            int32_t group = weft_atomic_load(&groups[i], WEFT_ACQUIRE);
            if (group > 1)
                kill(-group, SIGKILL);
        }
        killed = kill_marked(mark);
        poll(NULL, 0, ROUND_MS);
    }
}

_Noreturn static void guard_main(int fd, const weft__group *groups, int count, const char *mark)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "weft-guard");
    if (fd > 0)
        close_range(0, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0U, 0);
    char byte;
    ssize_t n;
    while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (n == 0)
        kill_all(groups, count, mark);
    _exit(0);
}

weft_err weft__spawn_guard_start(weft__spawn_guard *g, int groups, const char *mark)
{
    int ends[2];
    size_t size = (size_t)groups * sizeof *g->groups;
    weft__group *shared =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return weft__sys_error(errno, "cannot start the guard", "mmap");
    weft_err e = WEFT_OK;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        e = weft__sys_error(errno, "cannot start the guard", "pipe");
        goto unmap;
    }
    pid_t pid = fork();
    if (pid < 0) {
        e = weft__sys_error(errno, "cannot start the guard", "fork");
        goto close_pipe;
    }
    if (pid == 0)
        guard_main(ends[0], shared, groups, mark);
    close(ends[0]);
    *g = (weft__spawn_guard){.pid = pid, .pipe = ends[1], .count = groups, .groups = shared};
    return WEFT_OK;
close_pipe:
    close(ends[0]);
    close(ends[1]);
unmap:
    munmap(shared, size);
    return e;
}

void weft__spawn_guard_stop(weft__spawn_guard *g)
{
    if (g->pid == 0)
        return;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before); /* it may have been killed */
    while (write(g->pipe, "", 1) < 0 && errno == EINTR)
        ;
    sigaction(SIGPIPE, &before, NULL);
    close(g->pipe);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    munmap(g->groups, (size_t)g->count * sizeof *g->groups);
    *g = (weft__spawn_guard){.pid = 0, .pipe = -1};
}
