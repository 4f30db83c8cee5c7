#include "port/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "port/fd.h"

const int weft__signal_term = SIGTERM, weft__signal_kill = SIGKILL, weft__signal_stop = SIGTSTP,
          weft__signal_cont = SIGCONT, weft__signal_pipe = SIGPIPE;

static const struct {
    int number;
    weft__signal_kind kind;
    bool keep_ignored;
} taken[] = {
    {SIGINT, WEFT__SIGNAL_END, false},    {SIGTERM, WEFT__SIGNAL_END, false},
    {SIGQUIT, WEFT__SIGNAL_END, false},   {SIGHUP, WEFT__SIGNAL_END, true},
    {SIGTSTP, WEFT__SIGNAL_PAUSE, true},  {SIGCONT, WEFT__SIGNAL_GO_ON, false},
    {SIGCHLD, WEFT__SIGNAL_CHILD, false},
};
enum { TAKEN = sizeof taken / sizeof taken[0] };

weft_err weft__signals_open(weft__signals *s)
{
    sigset_t set;
    struct sigaction was, usual = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&set);
    for (int i = 0; i < TAKEN; i++) {
        sigaction(taken[i].number, NULL, &was);
        if (was.sa_handler == SIG_IGN && taken[i].keep_ignored)
            continue;
        /* An ignored SIGCHLD would make children vanish before they are looked at. */
        sigaction(taken[i].number, &usual, NULL);
        sigaddset(&set, taken[i].number);
    }
    sigaction(SIGPIPE, &ignore, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->fd < 0 ? weft__sys_error(errno, "cannot watch for signals", "signalfd") : WEFT_OK;
}

void weft__signals_close(weft__signals *s)
{
    weft__fd_close(s->fd);
    s->fd = -1;
}

weft__signal_kind weft__signals_next(weft__signals *s, int *number)
{
    struct signalfd_siginfo info;
    if (read(s->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return WEFT__SIGNAL_NONE;
    *number = (int)info.ssi_signo;
    for (int i = 0; i < TAKEN; i++)
        if (taken[i].number == *number)
            return taken[i].kind;
    return WEFT__SIGNAL_NONE;
}

void weft__signal_stop_self(void)
{
    raise(SIGSTOP);
}

const char *weft__signal_name(int number)
{
    return strsignal(number);
}
