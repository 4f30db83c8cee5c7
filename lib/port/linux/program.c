#include "port/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/fd.h"

/* 0 if it can be executed, else why not. */
static int executable(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
    return access(path, X_OK) < 0 ? errno : 0;
}

static weft_err program_error(int number, const char *name)
{
    weft_err e = weft__sys_error(number, "cannot run", name);
    return number == ENOENT || number == ENOTDIR ? WEFT_MISSING
           : number == ENAMETOOLONG              ? e
                                                 : WEFT_DENIED;
}

weft_err weft__program_find(const char *name, char *path, size_t cap)
{
    int why = ENOENT;
    if (strchr(name, '/')) {
        if ((size_t)snprintf(path, cap, "%s", name) >= cap)
            why = ENAMETOOLONG;
        else
            why = executable(path);
        return why == 0 ? WEFT_OK : program_error(why, name);
    }
    const char *dirs = getenv("PATH");
    for (const char *d = dirs ? dirs : "/usr/local/bin:/bin:/usr/bin"; *name; d++) {
        size_t len = strcspn(d, ":");
        int n = snprintf(path, cap, "%.*s%s%s", (int)len, d, len > 0 ? "/" : "./", name);
        int error = n >= 0 && (size_t)n < cap ? executable(path) : ENAMETOOLONG;
        if (error == 0)
            return WEFT_OK;
        if (error == EACCES) /* it is there: worse than not there, but the next may do */
            why = EACCES;
        d += len;
        if (*d == 0)
            break;
    }
    return program_error(why, name);
}
