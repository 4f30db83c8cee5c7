#include "port/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/program.h"

extern char **environ;

/* What failed in the child; comes through a pipe that closes when the child is the program. Parent
 * and child are the same program until then, so that the text stands where it stood. */
typedef struct failure {
    int number; /* errno; 0: it runs */
    const char *what;
} failure;

/* The environment with `variable` in place of its namesake. Freed by the caller. */
static char **environment_with(const char *variable)
{
    size_t n = 0, name = variable ? strcspn(variable, "=") + 1 : 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **env = malloc((n + 2) * sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!variable || strncmp(environ[i], variable, name) != 0)
            env[kept++] = environ[i];
    if (variable)
        env[kept++] = (char *)(uintptr_t)variable;
    env[kept] = NULL;
    return env;
}

static void child_signals(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &usual, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_stdio(int fd, int as, int flags)
{
    if (fd < 0)
        fd = open("/dev/null", flags | O_CLOEXEC);
    return fd < 0 ? -1 : dup2(fd, as);
}

static const char cannot_run[] = "cannot run it";

/* In the child until it is the program: nothing here may touch what the parent will use. Returns
 * what failed. */
static const char *child_become(const weft__spawn *how, char **env, int parent)
{
    if (setpgid(0, 0) < 0)
        return "cannot make a process group";
    if (how->group_at) /* read by the guard, after the launcher's end closed its pipe */
        weft_atomic_store(how->group_at, getpid(), WEFT_RELAXED);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return "cannot tie it to the launcher";
    if (getppid() != parent) /* it died before the line above */
        _exit(127);
    if (how->cpus && syscall(SYS_sched_setaffinity, 0, sizeof how->cpus->bits, how->cpus->bits) < 0)
        return "cannot bind it to its CPUs";
    struct rlimit limit;
    if (how->descriptors && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = how->descriptors < limit.rlim_max ? how->descriptors : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (child_stdio(how->in, 0, O_RDONLY) < 0 || child_stdio(how->out, 1, O_WRONLY) < 0 ||
        child_stdio(how->err, 2, O_WRONLY) < 0)
        return "cannot give it its standard descriptors";
    child_signals();
    execvpe(how->program, how->argv, env);
    return cannot_run;
}

/* The child borrows the parent's memory until it is the program, and the parent stands still: quick
 * however large the parent is. Under some sanitizers it gets a copy, and they run side by side;
 * either way nothing but the pipe tells what happened. */
static pid_t start(const weft__spawn *how, char **env, int parent, int tell)
{
    pid_t pid = vfork();
    if (pid == 0) {
        failure failed = {.what = child_become(how, env, parent)};
        failed.number = errno;
        ssize_t n = write(tell, &failed, sizeof failed);
        _exit(n < 0 ? 126 : 127);
    }
    return pid;
}

/* Wait until the child is the program, or has said why not. */
static failure hear(int from)
{
    failure failed;
    ssize_t n;
    while ((n = read(from, &failed, sizeof failed)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof failed ? failed : (failure){0, NULL};
}

/* The program could not be: nothing of it stays. */
static weft_err give_up(const weft__spawn *how, pid_t pid, const failure *failed)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (how->group_at) /* as in child_become */
        weft_atomic_store(how->group_at, 0, WEFT_RELAXED);
    return failed->what == cannot_run ? weft__program_error(failed->number, AT_FDCWD, how->program)
                                      : weft__sys_error(failed->number, failed->what, how->program);
}

weft_err weft__spawn_start(weft__process *p, const weft__spawn *how)
{
    int tell[2];
    char **env = environment_with(how->variable);
    if (!env)
        return weft__sys_error(ENOMEM, "cannot start it", how->program);
    if (pipe2(tell, O_CLOEXEC) < 0) {
        weft_err e = weft__sys_error(errno, "cannot start it", how->program);
        free(env);
        return e;
    }
    pid_t pid = start(how, env, getpid(), tell[1]);
    int error = errno;
    free(env);
    close(tell[1]);
    failure failed = pid < 0 ? (failure){0, NULL} : hear(tell[0]);
    close(tell[0]);
    if (pid < 0 && error == EAGAIN)
        return weft__fail(WEFT_NOMEM, "%s: the limit of processes is reached (ulimit -u)",
                          how->program);
    if (pid < 0)
        return weft__sys_error(error, "cannot start a process", how->program);
    if (failed.number != 0)
        return give_up(how, pid, &failed);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        failed = (failure){errno, "cannot watch it"};
        kill(pid, SIGKILL);
        return give_up(how, pid, &failed);
    }
    *p = (weft__process){.pid = pid, .fd = fd};
    return WEFT_OK;
}

bool weft__process_ended(const weft__process *p, weft__process_end *end)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return false;
    end->killed = info.si_code != CLD_EXITED;
    end->code = info.si_status;
    return true;
}

void weft__process_reap(weft__process *p)
{
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    weft__fd_close(p->fd);
    *p = (weft__process){.pid = 0, .fd = -1};
}

void weft__group_signal(int group, int signal)
{
    if (group > 1)
        kill(-group, signal);
}
