#include "topo/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/fd.h"

enum { PATH_CAP = 1024, TEXT_CAP = 4096 };

/* The beginning of a small file; false if there is none. */
static bool read_text(const char *path, char *text, size_t cap)
{
    int fd;
    size_t got = 0, n;
    if (weft__fd_open_read(path, &fd) != WEFT_OK)
        return false;
    while (got + 1 < cap && weft__fd_read(fd, text + got, cap - 1 - got, &n) == WEFT_OK && n > 0)
        got += n;
    weft__fd_close(fd);
    text[got] = 0;
    return got > 0;
}

static int cpus_of(long long time, long long period)
{
    if (time <= 0 || period <= 0 || time / period > 1000000)
        return 0;
    return (int)((time + period - 1) / period);
}

static int tighter(int a, int b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

/* cpu.max of version 2: "TIME PERIOD", or "max PERIOD". */
static int unified_limit(const char *dir)
{
    char path[PATH_CAP + 32], text[128];
    long long time, period;
    snprintf(path, sizeof path, "%s/cpu.max", dir);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld %lld", &time, &period) != 2)
        return 0;
    return cpus_of(time, period);
}

/* Two files of version 1; a time of -1 is none. */
static int split_limit(const char *dir)
{
    char path[PATH_CAP + 32], text[64];
    long long time = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld", &time) != 1)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld", &period) != 1)
        return 0;
    return cpus_of(time, period);
}

/* The tightest limit from mount/group up to the mount itself. */
static int limit_up(const char *mount, const char *group, int (*limit)(const char *dir))
{
    char dir[PATH_CAP];
    int quota = 0;
    size_t top = strlen(mount);
    if ((size_t)snprintf(dir, sizeof dir, "%s%s", mount, group) >= sizeof dir)
        return 0;
    for (;;) {
        quota = tighter(quota, limit(dir));
        char *slash = strrchr(dir + top, '/');
        if (!slash)
            return quota;
        *slash = 0;
    }
}

/* Whether "a,b,c" has the controller "cpu". */
static bool has_cpu(const char *controllers)
{
    for (const char *c = controllers; *c; c += *c == ',') {
        size_t len = strcspn(c, ",");
        if (len == 3 && memcmp(c, "cpu", 3) == 0)
            return true;
        c += len;
    }
    return false;
}

int weft__quota_of(const char *root, const char *membership)
{
    int quota = 0;
    char line[TEXT_CAP], mount[PATH_CAP / 2];
    while (*membership) {
        size_t len = strcspn(membership, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, membership);
        membership += len + (membership[len] == '\n');
        char *controllers = strchr(line, ':'),
             *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        controllers++;
        if (*controllers == 0)
            quota = tighter(quota, limit_up(root, group, unified_limit));
        if (!has_cpu(controllers))
            continue;
        snprintf(mount, sizeof mount, "%s/cpu", root);
        quota = tighter(quota, limit_up(mount, group, split_limit));
    }
    return quota;
}

int weft__quota_here(void)
{
    char text[TEXT_CAP];
    if (!read_text("/proc/self/cgroup", text, sizeof text))
        return 0;
    return weft__quota_of("/sys/fs/cgroup", text);
}
