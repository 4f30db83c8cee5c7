#include "port/env.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern char **environ;

const char *weft__env_get(const char *name)
{
    return getenv(name);
}

void weft__env_set(char *text)
{
    putenv(text);
}

void weft__env_unset(const char *name)
{
    unsetenv(name);
}

const char *weft__env_at(int i)
{
    return environ ? environ[i] : NULL;
}

int weft__process_id(void)
{
    return getpid();
}

void weft__host_name(char *buf, size_t cap)
{
    if (cap == 0)
        return;
    if (gethostname(buf, cap) < 0)
        snprintf(buf, cap, "localhost");
    buf[cap - 1] = 0;
}

/* The identity of this boot, or "" where the system does not tell. */
static void boot_id(char *buf, size_t cap)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, buf, cap - 1);
    if (fd >= 0)
        close(fd);
    buf[n > 0 ? n : 0] = 0;
    buf[strcspn(buf, "\n")] = 0;
}

void weft__host_identity(char *buf, size_t cap)
{
    char boot[64], name[256], space[64];
    boot_id(boot, sizeof boot);
    weft__host_name(name, sizeof name);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n > 0 ? n : 0] = 0;
    snprintf(buf, cap, "%s %s %s", boot, name, space);
}

int weft__tty_width(int fd)
{
    struct winsize size;
    if (isatty(fd) != 1)
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80; /* a terminal that does not know its width */
    return size.ws_col;
}
