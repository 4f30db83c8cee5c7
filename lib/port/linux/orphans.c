#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/fd.h"
#include "port/spawn.h"

weft_err weft__orphans_adopt(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return weft__sys_error(errno, "cannot adopt orphans", "prctl");
    return WEFT_OK;
}

void weft__orphans_reap(bool (*own)(void *arg, int pid), void *arg)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        if (own(arg, info.si_pid))
            return;
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

/* The parent of a process, or 0. Its name may hold anything: what follows the last parenthesis
 * counts. */
static int parent_of(const char *pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *after = strrchr(text, ')');
    return after && sscanf(after, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Kill all children that live; false if there is no seeing them. */
static bool kill_children(void)
{
    DIR *proc = opendir("/proc");
    int self = getpid();
    if (!proc)
        return false;
    for (struct dirent *d; (d = readdir(proc));)
        if (isdigit((unsigned char)d->d_name[0]) && parent_of(d->d_name) == self)
            kill(atoi(d->d_name), SIGKILL);
    closedir(proc);
    return true;
}

void weft__orphans_end(void)
{
    /* Who dies leaves its children here: another round, as long as there are any. Each round ends
     * at least one process, and a limit stands against one that forks for ever. */
    for (int round = 0; round < 100000; round++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0 || (pid < 0 && errno == EINTR))
            continue;
        if (pid < 0 || !kill_children())
            return;
        waitpid(-1, NULL, 0);
    }
}
