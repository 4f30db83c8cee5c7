#include "weft/dir.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "port/dir.h"
#include "port/err.h"
#include "port/fd.h"
#include "weft/io.h"

/* Some hundred entries: handing a batch to a side thread costs as much as reading a few of them. */
enum { BATCH = 32 * 1024 };

struct weft_dir {
    weft *w;
    int fd;
    size_t len, at; /* of the batch, and how far it was told */
    uint64_t batch[BATCH / sizeof(uint64_t)];
    char name[];
};

struct opening {
    const char *path;
    int fd;
};

static weft_err open_here(void *arg)
{
    struct opening *o = arg;
    return weft__dir_open(o->path, &o->fd);
}

weft_err weft_dir_open(weft *w, weft_dir **d, const char *path)
{
    size_t len = strlen(path) + 1;
    weft_dir *dir = malloc(sizeof *dir + len);
    if (!dir)
        return weft__fail(WEFT_NOMEM, "open directory: %s: out of memory", path);
    struct opening o = {path, -1};
    weft_err e = weft_blocking(w, open_here, &o);
    if (e != WEFT_OK) {
        free(dir);
        return e;
    }
    dir->w = w;
    dir->fd = o.fd;
    dir->len = dir->at = 0;
    memcpy(dir->name, path, len);
    *d = dir;
    return WEFT_OK;
}

static weft_err fill_here(void *arg)
{
    weft_dir *d = arg;
    size_t len;
    weft_err e = weft__dir_fill(d->fd, d->name, d->batch, sizeof d->batch, &len);
    if (e != WEFT_OK)
        return e;
    d->len = len;
    d->at = 0;
    return WEFT_OK;
}

weft_err weft_dir_next(weft_dir *d, weft_dir_entry *x)
{
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "dir: %s was cancelled", weft_task_name());
    while (!weft__dir_entry(d->batch, d->len, &d->at, x)) {
        weft_err e = weft_blocking(d->w, fill_here, d);
        if (e != WEFT_OK)
            return e;
        if (d->len == 0)
            return WEFT_CLOSED;
    }
    return WEFT_OK;
}

void weft_dir_close(weft_dir **d)
{
    if (!*d)
        return;
    weft__fd_close((*d)->fd);
    free(*d);
    *d = NULL;
}
