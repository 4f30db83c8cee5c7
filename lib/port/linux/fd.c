#include "port/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/err.h"
#include "port/poller.h"

static weft_err meaning(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return WEFT_MISSING;
    case EACCES:
    case EPERM:
    case EROFS:
        return WEFT_DENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return WEFT_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return WEFT_FULL;
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPROTOTYPE:
        return WEFT_INVALID;
    case EMSGSIZE:
        return WEFT_TOOBIG;
    case EEXIST:
    case EADDRINUSE:
    case ETXTBSY:
        return WEFT_INUSE;
    case ECONNREFUSED:
        return WEFT_REFUSED;
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
        return WEFT_LOST;
    case EPIPE:
        return WEFT_CLOSED;
    case EAGAIN:
        return WEFT_EMPTY;
    default:
        return WEFT_SYS;
    }
}

/* What to do about it. */
static const char *next(int number)
{
    switch (number) {
    case EMFILE:
        return "; raise the limit (ulimit -n) or open less at a time";
    case ENFILE:
        return "; the system's limit of open files is reached";
    case ENOSPC:
        return "; make room on the file system";
    case EFBIG:
        return "; raise the limit of a file's size (ulimit -f)";
    case EADDRNOTAVAIL:
        return "; it has to be one of this machine";
    case EADDRINUSE:
        return "; close what is there, or take another";
    case EAFNOSUPPORT:
        return "; the socket, or this machine, has no addresses of that sort";
    case ECONNREFUSED:
        return "; nobody listens there";
    case EPROTOTYPE:
        return "; streams and datagrams do not meet";
    default:
        return "";
    }
}

weft_err weft__sys_error(int number, const char *what, const char *name)
{
    return weft__fail(meaning(number), "%s: %s: %s%s", what, name, strerror(number), next(number));
}

bool weft__fd_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

weft_err weft__fd_open_read(const char *path, int *fd)
{
    int f;
    do {
        f = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (f < 0 && errno == EINTR);
    if (f < 0)
        return weft__sys_error(errno, "open", path);
    *fd = f;
    return WEFT_OK;
}

weft_err weft__fd_read(int fd, void *buf, size_t cap, size_t *got)
{
    ssize_t n;
    do {
        n = read(fd, buf, cap);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return weft__sys_error(errno, "read", "descriptor");
    *got = (size_t)n;
    return WEFT_OK;
}

weft_err weft__fd_write(int fd, const void *buf, size_t len)
{
    const char *at = buf;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return weft__sys_error(errno, "write", "descriptor");
        at += n;
        len -= (size_t)n;
    }
    return WEFT_OK;
}

void weft__fd_close(int fd)
{
    /* After EINTR the descriptor is gone all the same on Linux: never retried. */
    close(fd);
}

static weft_err set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);
    if (flags < 0 || fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0)
        return weft__sys_error(errno, "fcntl", "descriptor");
    return WEFT_OK;
}

weft_err weft__fd_cloexec(int fd, bool on)
{
    return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

weft_err weft__fd_nonblock(int fd, bool on)
{
    return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

bool weft__fd_blocks(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && !(flags & O_NONBLOCK);
}

weft_err weft__fd_open_anew(int fd, int *out)
{
    char path[sizeof "/proc/self/fd/" + 12];
    struct stat s;
    unsigned number;
    int anew, flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &s) != 0)
        return WEFT_DENIED;
    /* Of a terminal's master, as of many devices, opening it once more makes another one. */
    bool terminal = isatty(fd) && ioctl(fd, TIOCGPTN, &number) != 0;
    if (!terminal && !S_ISFIFO(s.st_mode))
        return WEFT_DENIED;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    do {
        anew = open(path, (flags & (O_ACCMODE | O_DIRECT)) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    } while (anew < 0 && errno == EINTR);
    if (anew < 0 && (errno == EMFILE || errno == ENFILE))
        return weft__sys_error(errno, "stream", "opening it anew");
    *out = anew;
    return anew < 0 ? WEFT_DENIED : WEFT_OK;
}

weft_err weft__fd_replace(int fd, int by)
{
    int flags = fcntl(fd, F_GETFD);
    bool cloexec = flags >= 0 && flags & FD_CLOEXEC;
    int put = dup3(by, fd, cloexec ? O_CLOEXEC : 0), number = errno;
    close(by);
    return put == fd ? WEFT_OK : weft__sys_error(number, "dup3", "descriptor");
}

weft_err weft__fd_wait(int fd, unsigned what, int64_t deadline_ns)
{
    struct pollfd p = {.fd = fd};
    p.events = (short)((what & WEFT__POLL_IN ? POLLIN : 0) | (what & WEFT__POLL_OUT ? POLLOUT : 0));
    for (;;) {
        struct timespec left = {0};
        /* The clock is never negative, and what is left of a far past would be too large to say. */
        int64_t ns = deadline_ns <= 0 ? 0 : deadline_ns - weft__clock_ns();
        if (ns > 0)
            left = (struct timespec){ns / 1000000000, ns % 1000000000};
        int n = ppoll(&p, 1, deadline_ns == INT64_MAX ? NULL : &left, NULL);
        if (n > 0 && p.revents & POLLNVAL)
            return weft__fail(WEFT_INVALID, "descriptor %d is not open", fd);
        if (n > 0)
            return WEFT_OK;
        if (n < 0 && errno != EINTR)
            return weft__sys_error(errno, "poll", "descriptor");
        if (n == 0 && ns <= 0)
            return WEFT_LATE;
    }
}
