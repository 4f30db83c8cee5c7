#include "port/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/linux/quiet.h"
#include "weft/file.h"

static int flags_of(unsigned how)
{
    int flags = (how & WEFT_FILE_WRITE) == 0  ? O_RDONLY
                : (how & WEFT_FILE_READ) == 0 ? O_WRONLY
                                              : O_RDWR;
    return flags | (how & WEFT_FILE_CREATE ? O_CREAT : 0) |
           (how & WEFT_FILE_EXCLUSIVE ? O_EXCL : 0) | (how & WEFT_FILE_TRUNCATE ? O_TRUNC : 0) |
           (how & WEFT_FILE_APPEND ? O_APPEND : 0);
}

weft_err weft__file_open(const char *path, unsigned how, int *fd)
{
    struct stat is;
    int f;
    do {
        f = open(path, flags_of(how) | O_CLOEXEC | O_NOCTTY, 0666);
    } while (f < 0 && errno == EINTR);
    int error = f < 0 ? errno : fstat(f, &is) < 0 ? errno : S_ISDIR(is.st_mode) ? EISDIR : 0;
    if (error != 0) {
        if (f >= 0)
            close(f);
        return weft__sys_error(error, "open", path);
    }
    *fd = f;
    return WEFT_OK;
}

weft_err weft__file_how(int fd, const char *name, unsigned *how)
{
    struct stat is;
    int flags = fcntl(fd, F_GETFL), mode = flags & O_ACCMODE;
    if (flags < 0 || fstat(fd, &is) < 0)
        return weft__fail(WEFT_INVALID, "file: %s is not open", name);
    if (S_ISDIR(is.st_mode) || flags & O_PATH)
        return weft__fail(WEFT_INVALID, "file: %s is a directory; weft_dir_open reads those", name);
    if (S_ISSOCK(is.st_mode) || (flags & O_NONBLOCK && !S_ISREG(is.st_mode)))
        return weft__fail(WEFT_INVALID, "file: %s is a stream; make one of it: weft_stream_adopt",
                          name);
    *how = (mode != O_WRONLY ? WEFT_FILE_READ : 0) | (mode != O_RDONLY ? WEFT_FILE_WRITE : 0) |
           (flags & O_APPEND && mode != O_RDONLY ? WEFT_FILE_APPEND : 0);
    return WEFT_OK;
}

/* What one call of the system reads or writes at most: it takes no more than about 2 GiB. */
static size_t piece(size_t len)
{
    return len < INT_MAX / 2 ? len : INT_MAX / 2;
}

/* After an error: it was that the call would have blocked, since somebody else who shares the pipe has it so.
 * Blocks until it would not. */
static bool has_become(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};
    return errno == EAGAIN && (poll(&p, 1, -1) >= 0 || errno == EINTR);
}

weft_err weft__file_read(int fd, const char *name, void *buf, size_t cap, int64_t at, size_t *got)
{
    size_t have = 0;
    ssize_t n;
    do {
        char *to = (char *)buf + have;
        size_t len = piece(cap - have);
        n = at < 0 ? read(fd, to, len) : pread(fd, to, len, (off_t)at + (off_t)have);
        have += n > 0 ? (size_t)n : 0;
    } while ((n < 0 && (errno == EINTR || has_become(fd, POLLIN))) ||
             (n > 0 && at >= 0 && have < cap));
    if (n < 0 && errno == ESPIPE)
        return weft__fail(WEFT_INVALID, "read: %s: a pipe or terminal has no offsets", name);
    if (n < 0)
        return weft__sys_error(errno, "read", name);
    *got = have;
    return WEFT_OK;
}

weft_err weft__file_read_now(int fd, void *buf, size_t cap, int64_t at, size_t *got)
{
    struct iovec to = {.iov_base = buf, .iov_len = piece(cap)};
    ssize_t n = preadv2(fd, &to, 1, at, RWF_NOWAIT);
    if (n < 0)
        return errno == EOPNOTSUPP || errno == ENOSYS ? WEFT_INVALID : WEFT_EMPTY;
    *got = (size_t)n;
    return WEFT_OK;
}

/* The error number that ended it, or 0; *put bytes were written. */
static int write_all(int fd, const char *buf, size_t len, int64_t at, size_t *put)
{
    size_t done = 0;
    int error = 0;
    while (done < len && error == 0) {
        size_t more = piece(len - done);
        ssize_t n = at < 0 ? write(fd, buf + done, more)
                           : pwrite(fd, buf + done, more, (off_t)at + (off_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || (errno != EINTR && !has_become(fd, POLLOUT)))
            error = n == 0 ? ENOSPC : errno;
    }
    *put = done;
    return error;
}

weft_err weft__file_write(int fd, const char *name, const void *buf, size_t len, int64_t at)
{
    weft__quiet q;
    size_t put;
    weft__quiet_begin(&q);
    int error = write_all(fd, buf, len, at, &put);
    weft__quiet_end(&q, error);
    if (error == 0)
        return WEFT_OK;
    weft_err e = error == ESPIPE ? weft__fail(WEFT_INVALID,
                                              "write: %s: a pipe or terminal has no offsets", name)
                                 : weft__sys_error(error, "write", name);
    return put > 0 ? weft__fail_in(e, "%zu of %zu bytes are written", put, len) : e;
}

weft_err weft__file_size(int fd, const char *name, uint64_t *size)
{
    struct stat is;
    if (fstat(fd, &is) < 0)
        return weft__sys_error(errno, "size", name);
    *size = (uint64_t)is.st_size;
    return WEFT_OK;
}

weft_err weft__file_sync(int fd, const char *name)
{
    int r;
    do {
        r = fsync(fd);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && (errno == EINVAL || errno == EROFS))
        return weft__fail(WEFT_INVALID, "sync: %s: it is not on a disk", name);
    return r < 0 ? weft__sys_error(errno, "sync", name) : WEFT_OK;
}
