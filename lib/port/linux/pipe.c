#include "port/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "port/fd.h"

/* A pipe that is ready for writing takes this much without blocking. */
enum { SURE = 4096 };

weft_err weft__pipe_open(int *read_end, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return weft__sys_error(errno, "cannot open", "pipe");
    *read_end = ends[0];
    *write_end = ends[1];
    return WEFT_OK;
}

weft_err weft__fd_write_some(int fd, const char *name, const void *buf, size_t len, bool patient,
                             size_t *put)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (!patient) {
        if (poll(&ready, 1, 0) == 0)
            return WEFT_EMPTY;
        len = len < SURE ? len : SURE;
    }
    ssize_t n;
    while ((n = write(fd, buf, len)) < 0 && errno == EINTR)
        ;
    if (n >= 0) {
        *put = (size_t)n;
        return WEFT_OK;
    }
    if (errno == EAGAIN)
        return WEFT_EMPTY;
    return errno == EPIPE ? WEFT_CLOSED : weft__sys_error(errno, "cannot write", name);
}

/* Put a copy of each in first, first + 1 ...; *next: where to try again if one of those is taken. */
static weft_err row_at(const int *fds, int count, int first, int *next)
{
    for (int i = 0; i < count; i++) {
        int fd = fcntl(fds[i], F_DUPFD, first + i);
        if (fd == first + i)
            continue;
        int error = errno;
        if (fd >= 0)
            close(fd);
        while (i-- > 0)
            close(first + i);
        if (fd < 0)
            return weft__sys_error(error == EINVAL ? EMFILE : error, "cannot copy", "descriptor");
        *next = fd;
        return WEFT_OK;
    }
    *next = first;
    return WEFT_OK;
}

weft_err weft__fd_row(int *fds, int count)
{
    int first = fds[0], follow = 1;
    while (follow < count && fds[follow] == first + follow)
        follow++;
    if (follow < count) {
        int next = 3;
        do {
            first = next;
            weft_err e = row_at(fds, count, first, &next);
            if (e != WEFT_OK)
                return e;
        } while (next != first);
        for (int i = 0; i < count; i++) {
            close(fds[i]);
            fds[i] = first + i;
        }
    }
    for (int i = 0; i < count; i++)
        if (fcntl(fds[i], F_SETFD, 0) < 0)
            return weft__sys_error(errno, "cannot pass on", "descriptor");
    return WEFT_OK;
}

void weft__fd_keep_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (!weft__fd_is_open(fd) && open("/dev/null", O_RDONLY) != fd)
            return;
}
