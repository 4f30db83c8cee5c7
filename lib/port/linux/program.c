#include "port/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/err.h"
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

/* What follows "#!" in the first line of a file, up to its argument; empty: there is no such line, or no reading it.
 * The system looks no further than 256 bytes either. */
static void find_interpreter(int at, const char *program, char name[256])
{
    char line[256];
    name[0] = '\0';
    int fd = openat(at, program, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    if (strncmp(line, "#!", 2) != 0)
        return;
    const char *from = line + 2 + strspn(line + 2, " \t");
    size_t len = strcspn(from, " \t\n");
    memcpy(name, from, len);
    name[len] = '\0';
}

/* The program is there and may be run, and yet it cannot: what it names is at fault. */
static weft_err needs_error(int error, int at, const char *program, char *interpreter)
{
    weft_err e = error == EACCES ? WEFT_DENIED : WEFT_MISSING;
    size_t len = strlen(interpreter);
    if (len == 0)
        return weft__fail(e,
                          "cannot run: %s: the loader that it names (readelf -l): %s; it may be "
                          "built for another system",
                          program, strerror(error));
    bool returns = interpreter[len - 1] == '\r';
    if (returns)
        interpreter[len - 1] = '\0';
    if (!returns && faccessat(at, interpreter, X_OK, AT_EACCESS) == 0)
        return weft__fail(e,
                          "cannot run: %s: what the interpreter %s of its line #! needs itself: %s",
                          program, interpreter, strerror(error));
    return weft__fail(e, "cannot run: %s: the interpreter %s%s of its line #!: %s; %s", program,
                      interpreter, returns ? "\\r" : "", strerror(error),
                      returns ? "end the lines of the script with \\n alone"
                              : "install it, or change the line");
}

weft_err weft__program_error(int error, int at, const char *program)
{
    struct stat st;
    char interpreter[256];
    if (fstatat(at, program, &st, 0) != 0)
        return weft__sys_error(error, "cannot run", program);
    if (S_ISDIR(st.st_mode))
        return weft__fail(WEFT_DENIED, "cannot run: %s: it is a directory", program);
    if (error == EACCES && faccessat(at, program, X_OK, AT_EACCESS) != 0)
        return weft__fail(WEFT_DENIED, "cannot run: %s: this user may not run it; see chmod +x",
                          program);
    if (!S_ISREG(st.st_mode) || (error != ENOENT && error != ENOTDIR && error != EACCES))
        return weft__sys_error(error, "cannot run", program);
    find_interpreter(at, program, interpreter);
    return needs_error(error, at, program, interpreter);
}

/* It is in none of the folders of PATH. */
static weft_err not_found(const char *name)
{
    char here[256];
    bool is_here = (size_t)snprintf(here, sizeof here, "./%s", name) < sizeof here && *name &&
                   executable(here) == 0;
    return weft__fail(WEFT_MISSING, "cannot run: %s: not in the folders of PATH%s%s%s", name,
                      is_here ? "; there is " : "", is_here ? here : "", is_here ? " here" : "");
}

weft_err weft__program_find(const char *name, char *path, size_t cap)
{
    int why = ENOENT;
    if (strchr(name, '/')) {
        if ((size_t)snprintf(path, cap, "%s", name) >= cap)
            why = ENAMETOOLONG;
        else
            why = executable(path);
        return why == 0 ? WEFT_OK : weft__program_error(why, AT_FDCWD, name);
    }
    const char *dirs = getenv("PATH");
    for (const char *d = dirs ? dirs : "/usr/local/bin:/bin:/usr/bin"; *name; d++) {
        size_t len = strcspn(d, ":");
        int n = snprintf(path, cap, "%.*s%s%s", (int)len, d, len > 0 ? "/" : "./", name);
        int error = n >= 0 && (size_t)n < cap ? executable(path) : ENAMETOOLONG;
        if (error == 0)
            return WEFT_OK;
        if (error == EACCES && why != EACCES) { /* it is there, but the next may do */
            why = EACCES;
            (void)weft__program_error(why, AT_FDCWD, path);
        }
        d += len;
        if (*d == 0)
            break;
    }
    return why == EACCES ? WEFT_DENIED : not_found(name);
}
