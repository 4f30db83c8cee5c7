/* What the system has in memory is copied at once: handing a read of 4 KiB to a side thread costs twenty
 * times as much as the read. Whatever may block is handed over. */
#include "weft/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/turn.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/file.h"
#include "weft/atomic.h"
#include "weft/io.h"

enum {
    NOW_MOST = 256 * 1024 /* more at a time would hold the worker up longer than handing it over */
};

struct weft_file {
    weft *w;
    int fd;
    unsigned how;
    /* Both are hints that several readers write; nothing hangs on their order. */
    WEFT_ATOMIC(uint32_t) never; /* it cannot be read without blocking */
    WEFT_ATOMIC(size_t) row;     /* loop/turn.h; of two who read together one may not count */
    char name[];
};

struct opening {
    const char *path;
    unsigned how;
    int fd;
};

static weft_err open_here(void *arg)
{
    struct opening *o = arg;
    return weft__file_open(o->path, o->how, &o->fd);
}

static weft_err check_how(const char *path, unsigned how)
{
    const unsigned modes = WEFT_FILE_READ | WEFT_FILE_WRITE;
    const unsigned all =
        modes | WEFT_FILE_CREATE | WEFT_FILE_EXCLUSIVE | WEFT_FILE_TRUNCATE | WEFT_FILE_APPEND;
    if (how & ~all)
        return weft__fail(WEFT_INVALID, "open: %s: %#x is no way to open a file", path, how);
    if (!(how & modes))
        return weft__fail(WEFT_INVALID, "open: %s: say WEFT_FILE_READ, WEFT_FILE_WRITE or both",
                          path);
    if (how & ~modes && !(how & WEFT_FILE_WRITE))
        return weft__fail(WEFT_INVALID, "open: %s: flags that change a file need WEFT_FILE_WRITE",
                          path);
    if (how & WEFT_FILE_EXCLUSIVE && !(how & WEFT_FILE_CREATE))
        return weft__fail(WEFT_INVALID, "open: %s: WEFT_FILE_EXCLUSIVE needs WEFT_FILE_CREATE",
                          path);
    return WEFT_OK;
}

/* A file without a descriptor yet. */
static weft_file *new_file(weft *w, const char *name)
{
    size_t len = strlen(name) + 1;
    weft_file *f = calloc(1, sizeof *f + len);
    if (!f) {
        (void)weft__fail(WEFT_NOMEM, "open: %s: out of memory", name);
        return NULL;
    }
    f->w = w;
    memcpy(f->name, name, len);
    return f;
}

weft_err weft_file_open_as(weft *w, weft_file **f, const char *path, unsigned how)
{
    weft_err e = check_how(path, how);
    if (e != WEFT_OK)
        return e;
    weft_file *file = new_file(w, path);
    if (!file)
        return WEFT_NOMEM;
    struct opening o = {path, how, -1};
    e = weft_blocking(w, open_here, &o);
    if (e != WEFT_OK) {
        free(file);
        return e;
    }
    file->fd = o.fd;
    file->how = how;
    *f = file;
    return WEFT_OK;
}

weft_err weft_file_open(weft *w, weft_file **f, const char *path)
{
    return weft_file_open_as(w, f, path, WEFT_FILE_READ);
}

weft_err weft_file_adopt(weft *w, weft_file **f, int fd)
{
    char name[32];
    unsigned how;
    snprintf(name, sizeof name, "descriptor %d", fd);
    weft_err e = weft__file_how(fd, name, &how);
    if (e != WEFT_OK)
        return e;
    weft_file *file = new_file(w, name);
    if (!file)
        return WEFT_NOMEM;
    if (fd > 2) /* those go on being what children inherit */
        e = weft__fd_cloexec(fd, true);
    if (e != WEFT_OK) {
        free(file);
        return e;
    }
    file->fd = fd;
    file->how = how;
    *f = file;
    return WEFT_OK;
}

/* A call that a side thread makes for the task. */
struct transfer {
    weft_file *f;
    void *to;
    const void *from;
    size_t len, got;
    int64_t at;
};

static weft_err read_here(void *arg)
{
    struct transfer *t = arg;
    return weft__file_read(t->f->fd, t->f->name, t->to, t->len, t->at, &t->got);
}

static weft_err write_here(void *arg)
{
    struct transfer *t = arg;
    return weft__file_write(t->f->fd, t->f->name, t->from, t->len, t->at);
}

/* Whether `t` is done, by what is in memory. A part of it is done at the position, and at an offset not:
 * there the rest must come too. */
static bool read_now(struct transfer *t)
{
    weft_file *f = t->f;
    size_t got;
    if (t->len > NOW_MOST || weft_atomic_load(&f->never, WEFT_RELAXED))
        return false;
    weft_err e = weft__file_read_now(f->fd, t->to, t->len, t->at, &got);
    if (e == WEFT_INVALID)
        weft_atomic_store(&f->never, 1, WEFT_RELAXED);
    if (e != WEFT_OK || (t->at >= 0 && got > 0 && got < t->len))
        return false;
    t->got = got;
    return true;
}

/* There was no wait for `got` bytes: others have a turn now and then. */
static void count(weft_file *f, size_t got)
{
    size_t row = weft_atomic_load(&f->row, WEFT_RELAXED);
    weft__no_wait(&row, got);
    weft_atomic_store(&f->row, row, WEFT_RELAXED);
}

static weft_err read_some(struct transfer *t, size_t *got)
{
    weft_file *f = t->f;
    if (!(f->how & WEFT_FILE_READ))
        return weft__fail(WEFT_INVALID, "read: %s: it is not open for reading", f->name);
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "file: %s was cancelled", weft_task_name());
    if (read_now(t)) {
        count(f, t->got);
    } else {
        weft_err e = weft_blocking(f->w, read_here, t);
        if (e != WEFT_OK)
            return e;
    }
    *got = t->got;
    return WEFT_OK;
}

weft_err weft_file_read(weft_file *f, void *buf, size_t cap, size_t *got)
{
    struct transfer t = {.f = f, .to = buf, .len = cap, .at = WEFT__FILE_HERE};
    return read_some(&t, got);
}

/* Whether all of `len` bytes at `at` have an offset that the system can say. */
static weft_err check_offset(const weft_file *f, size_t len, uint64_t at)
{
    if (at <= INT64_MAX && len <= INT64_MAX - at)
        return WEFT_OK;
    return weft__fail(WEFT_INVALID, "%s: no file has an offset %llu", f->name,
                      (unsigned long long)at);
}

weft_err weft_file_read_at(weft_file *f, void *buf, size_t cap, uint64_t at, size_t *got)
{
    weft_err e = check_offset(f, cap, at);
    struct transfer t = {.f = f, .to = buf, .len = cap, .at = (int64_t)at};
    return e == WEFT_OK ? read_some(&t, got) : e;
}

static weft_err write_all(struct transfer *t)
{
    if (!(t->f->how & WEFT_FILE_WRITE))
        return weft__fail(WEFT_INVALID, "write: %s: it is not open for writing", t->f->name);
    return weft_blocking(t->f->w, write_here, t);
}

weft_err weft_file_write(weft_file *f, const void *buf, size_t len)
{
    struct transfer t = {.f = f, .from = buf, .len = len, .at = WEFT__FILE_HERE};
    return write_all(&t);
}

weft_err weft_file_write_at(weft_file *f, const void *buf, size_t len, uint64_t at)
{
    if (f->how & WEFT_FILE_APPEND)
        return weft__fail(WEFT_INVALID, "write: %s: it is open to append, at no other offset",
                          f->name);
    weft_err e = check_offset(f, len, at);
    struct transfer t = {.f = f, .from = buf, .len = len, .at = (int64_t)at};
    return e == WEFT_OK ? write_all(&t) : e;
}

struct asking {
    weft_file *f;
    uint64_t size;
};

static weft_err size_here(void *arg)
{
    struct asking *a = arg;
    return weft__file_size(a->f->fd, a->f->name, &a->size);
}

weft_err weft_file_size(weft_file *f, uint64_t *size)
{
    struct asking a = {f, 0};
    weft_err e = weft_blocking(f->w, size_here, &a);
    if (e == WEFT_OK)
        *size = a.size;
    return e;
}

static weft_err sync_here(void *arg)
{
    const weft_file *f = arg;
    return weft__file_sync(f->fd, f->name);
}

weft_err weft_file_sync(weft_file *f)
{
    return weft_blocking(f->w, sync_here, f);
}

static weft_err close_here(void *arg)
{
    weft__fd_close(((weft_file *)arg)->fd);
    return WEFT_OK;
}

static weft_err close_aside(void *arg)
{
    return weft_blocking(((weft_file *)arg)->w, close_here, arg);
}

void weft_file_close(weft_file **f)
{
    weft_file *file = *f;
    if (!file)
        return;
    *f = NULL;
    /* What was written may have to go somewhere first; without a thread for that it goes from here. */
    if (!(file->how & WEFT_FILE_WRITE) || weft_shield(close_aside, file) != WEFT_OK)
        weft__fd_close(file->fd);
    free(file);
}
