#include "port/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "port/fd.h"

weft_err weft__dir_open(const char *path, int *fd)
{
    int f;
    do {
        f = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (f < 0 && errno == EINTR);
    if (f < 0)
        return weft__sys_error(errno, "open directory", path);
    *fd = f;
    return WEFT_OK;
}

/* Some file systems leave it to others to find out. */
static unsigned char type_of(int fd, const char *name)
{
    struct stat is;
    if (fstatat(fd, name, &is, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return (unsigned char)IFTODT(is.st_mode);
}

weft_err weft__dir_fill(int fd, const char *name, void *buf, size_t cap, size_t *len)
{
    ssize_t n;
    do {
        n = getdents64(fd, buf, cap);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ENOENT) /* it was removed: then there is nothing in it */
        n = 0;
    if (n < 0)
        return weft__sys_error(errno, "read directory", name);
    *len = (size_t)n;
    for (size_t at = 0; at < *len;) {
        struct dirent64 *d = (void *)((char *)buf + at);
        if (d->d_type == DT_UNKNOWN)
            d->d_type = type_of(fd, d->d_name);
        at += d->d_reclen;
    }
    return WEFT_OK;
}

static weft_dir_kind kind_of(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return WEFT_DIR_FILE;
    case DT_DIR:
        return WEFT_DIR_DIR;
    case DT_LNK:
        return WEFT_DIR_LINK;
    default:
        return WEFT_DIR_OTHER;
    }
}

bool weft__dir_entry(const void *buf, size_t len, size_t *at, weft_dir_entry *x)
{
    while (*at < len) {
        const struct dirent64 *d = (const void *)((const char *)buf + *at);
        *at += d->d_reclen;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        *x = (weft_dir_entry){.name = d->d_name, .kind = kind_of(d->d_type)};
        return true;
    }
    return false;
}
