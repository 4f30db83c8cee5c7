/* The C library's posix_spawn starts a child that borrows the memory of the calling thread, which stands still,
 * with all signals blocked: safe beside other threads, and quick however large the process is. */
#include "port/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/program.h"

extern char **environ;

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* What a start takes and gives back. */
struct start {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int copy[3]; /* of descriptors that others would be put over; -1: none */
};

/* Arrange what becomes descriptor `as`. An error number, or 0. */
static int arrange(struct start *s, int fd, int as)
{
    if (fd == WEFT__CHILD_SAME) {
        /* One that is closed on exec is this process's own business: an end of a pipe, a poller. */
        int flags = fcntl(as, F_GETFD), how = fcntl(as, F_GETFL);
        bool stands_in = as > 0 && (how & O_ACCMODE) == O_RDONLY; /* weft__fd_keep_standard */
        fd = flags < 0 || flags & FD_CLOEXEC || stands_in ? WEFT__CHILD_NULL : as;
    }
    if (fd == WEFT__CHILD_NULL)
        return posix_spawn_file_actions_addopen(&s->actions, as, "/dev/null", O_RDWR, 0);
    if (fd == WEFT__CHILD_OUT)
        return posix_spawn_file_actions_adddup2(&s->actions, 1, as);
    if (fd < 3 && fd != as) { /* out of the way of those that are put there */
        s->copy[as] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (s->copy[as] < 0)
            return errno;
        fd = s->copy[as];
    }
    return posix_spawn_file_actions_adddup2(&s->actions, fd, as);
}

static int prepare(struct start *s, const weft__child *how)
{
    sigset_t none, all;
    sigemptyset(&none);
    /* sigfillset leaves out two that are the C library's own, which the child would then ignore. */
    memset(&all, 0xff, sizeof all);
    posix_spawnattr_setsigmask(&s->attr, &none);
    posix_spawnattr_setsigdefault(&s->attr, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (how->own_group) /* the attribute is 0 from the start: a new one, of the child's number */
        flags |= POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(&s->attr, flags);
    int error = 0;
    for (int i = 0; i < 3 && error == 0; i++)
        error = arrange(s, how->fd[i], i);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(&s->actions, 3);
    if (error == 0 && how->dir)
        error = posix_spawn_file_actions_addchdir_np(&s->actions, how->dir);
    return error;
}

/* Start it, once. An error number, or 0. */
static int spawn(pid_t *pid, const weft__child *how)
{
    struct start s = {.copy = {-1, -1, -1}};
    char *const *argv = (char *const *)(uintptr_t)how->argv;
    char *const *env = how->env ? (char *const *)(uintptr_t)how->env : environ;
    int error = posix_spawn_file_actions_init(&s.actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&s.attr);
    if (error != 0)
        goto destroy_actions;
    error = prepare(&s, how);
    if (error == 0)
        error = posix_spawn(pid, how->program, &s.actions, &s.attr, argv, env);
    for (int i = 0; i < 3; i++)
        if (s.copy[i] >= 0)
            close(s.copy[i]);
    posix_spawnattr_destroy(&s.attr);
destroy_actions:
    posix_spawn_file_actions_destroy(&s.actions);
    return error;
}

/* An error number, or 0: it can be worked in. */
static int open_directory(const char *dir, int *at)
{
    *at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *at >= 0 && faccessat(*at, ".", X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* The system does not say of what the number speaks: it is looked at once more. */
static weft_err file_error(int error, const weft__child *how)
{
    int at = AT_FDCWD;
    weft_err e;
    if (!how->dir)
        return weft__program_error(error, at, how->program);
    int why = open_directory(how->dir, &at);
    if (why == error && why != EMFILE && why != ENFILE && why != ENOMEM) {
        e = weft__sys_error(error, "working directory", how->dir);
        e = weft__fail_in(e, "cannot run: %s", how->program);
    } else {
        e = weft__fail_in(weft__program_error(error, at, how->program), "directory %s", how->dir);
    }
    if (at >= 0)
        close(at);
    return e;
}

static weft_err start_error(int error, const weft__child *how)
{
    switch (error) {
    case EAGAIN:
        return weft__fail(WEFT_NOMEM, "%s: the limit of processes is reached (ulimit -u)",
                          how->program);
    case ENOEXEC:
        return weft__fail(WEFT_INVALID, "%s is no program; a script needs a line #!", how->program);
    case E2BIG:
        return weft__fail(WEFT_INVALID, "%s: the arguments and the environment are too long",
                          how->program);
    default:
        return file_error(error, how);
    }
}

static void kill_and_forget(pid_t pid, bool leads)
{
    kill(leads ? -pid : pid, SIGKILL); /* it has not been waited for: the number is its own */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

weft_err weft__child_start(weft__process *p, const weft__child *how)
{
    pid_t pid;
    for (int i = 0; i < 3; i++)
        if (how->fd[i] >= 0 && !weft__fd_is_open(how->fd[i]))
            return weft__fail(WEFT_INVALID, "cannot run: %s: descriptor %d is not open",
                              how->program, how->fd[i]);
    /* A descriptor is needed once the program runs; if there is none, it had better not begin. */
    int room = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (room < 0)
        return weft__sys_error(errno, "cannot run", how->program);
    int error = spawn(&pid, how);
    close(room);
    if (error != 0)
        return start_error(error, how);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        error = errno;
        if (error == ESRCH) /* its number may be somebody else's by now */
            return weft__fail(WEFT_LOST,
                              "process %d (%s) has ended, and how is not known: do not "
                              "ignore SIGCHLD, and leave its end to weft",
                              (int)pid, how->program);
        kill_and_forget(pid, how->own_group);
        return weft__sys_error(error, "cannot watch", how->program);
    }
    *p = (weft__process){.pid = pid, .fd = fd, .leads = how->own_group};
    return WEFT_OK;
}

static weft_err look(const weft__process *p, int flags, siginfo_t *info)
{
    int r;
    do {
        *info = (siginfo_t){0};
        r = waitid(P_PIDFD, (id_t)p->fd, info, WEXITED | WNOHANG | flags);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && errno == ECHILD)
        return weft__fail(WEFT_LOST,
                          "process %d has ended, and how is not known: do not ignore SIGCHLD, and "
                          "wait for no children of others",
                          p->pid);
    if (r < 0)
        return weft__sys_error(errno, "wait for process", "waitid");
    return info->si_pid == 0 ? WEFT_EMPTY : WEFT_OK;
}

weft_err weft__child_end(const weft__process *p, weft__process_end *end)
{
    siginfo_t info;
    weft_err e = look(p, p->leads ? WNOWAIT : 0, &info);
    if (e == WEFT_OK)
        *end = (weft__process_end){.killed = info.si_code != CLD_EXITED, .code = info.si_status};
    return e;
}

bool weft__child_ended(const weft__process *p)
{
    siginfo_t info;
    return look(p, WNOWAIT, &info) != WEFT_EMPTY;
}

static weft_err signal_error(int error, const weft__process *p, int number)
{
    if (error == ESRCH)
        return weft__fail(WEFT_CLOSED, "process %d has ended", p->pid);
    if (error == EINVAL)
        return weft__fail(WEFT_INVALID, "there is no signal %d", number);
    return weft__sys_error(error, "cannot send a signal to", "process");
}

static weft_err signal_one(const weft__process *p, int number)
{
    bool sent = syscall(SYS_pidfd_send_signal, p->fd, number, NULL, 0) == 0;
    return sent ? WEFT_OK : signal_error(errno, p, number);
}

/* It runs, or has ended and not been forgotten: its number is the group's, and no stranger's. */
static weft_err signal_group(const weft__process *p, int number, bool runs)
{
    if (kill(-p->pid, number) < 0 && errno != ESRCH) /* nobody is in it */
        return signal_error(errno, p, number);
    if (!runs || getpgid(p->pid) == p->pid)
        return WEFT_OK;
    weft_err e = signal_one(p, number); /* it has gone over to another group */
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

weft_err weft__child_signal(const weft__process *p, int number)
{
    siginfo_t info;
    weft_err e = look(p, WNOWAIT, &info);
    if (p->leads)
        return e == WEFT_OK || e == WEFT_EMPTY ? signal_group(p, number, e == WEFT_EMPTY) : e;
    return e == WEFT_OK ? signal_error(ESRCH, p, number) : signal_one(p, number);
}

void weft__child_forget(weft__process *p)
{
    siginfo_t info;
    if (p->leads)
        (void)look(p, 0, &info);
    close(p->fd);
    *p = (weft__process){.pid = 0, .fd = -1};
}
