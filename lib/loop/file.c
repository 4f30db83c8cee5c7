#include <stdlib.h>

#include "port/err.h"
#include "port/fd.h"
#include "weft/io.h"

struct weft_file {
    weft *w;
    int fd;
};

struct opening {
    const char *path;
    int fd;
};

static weft_err open_here(void *arg)
{
    struct opening *o = arg;
    return weft__fd_open_read(o->path, &o->fd);
}

weft_err weft_file_open(weft *w, weft_file **f, const char *path)
{
    weft_file *file = malloc(sizeof *file);
    if (!file)
        return weft__fail(WEFT_NOMEM, "open: %s: out of memory", path);
    struct opening o = {path, -1};
    weft_err e = weft_blocking(w, open_here, &o);
    if (e != WEFT_OK) {
        free(file);
        return e;
    }
    file->w = w;
    file->fd = o.fd;
    *f = file;
    return WEFT_OK;
}

struct reading {
    int fd;
    void *buf;
    size_t cap, got;
};

static weft_err read_here(void *arg)
{
    struct reading *r = arg;
    return weft__fd_read(r->fd, r->buf, r->cap, &r->got);
}

weft_err weft_file_read(weft_file *f, void *buf, size_t cap, size_t *got)
{
    struct reading r = {f->fd, buf, cap, 0};
    weft_err e = weft_blocking(f->w, read_here, &r);
    if (e == WEFT_OK)
        *got = r.got;
    return e;
}

void weft_file_close(weft_file **f)
{
    if (!*f)
        return;
    weft__fd_close((*f)->fd);
    free(*f);
    *f = NULL;
}
