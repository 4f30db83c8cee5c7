#include "download.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"

enum { HEAD = 16 * 1024, PIECE = 32 * 1024, LINE = 256, NAMES = 1000 };

/* What is known while it runs. */
typedef struct transfer {
    download *d;
    weft_stream *stream;
    weft_file *file; /* or NULL */
    uint64_t *all;
    weft_deadline by;
} transfer;

/* Say why it failed. */
static bool fail(download *d, const char *doing, weft_err e)
{
    const char *detail = weft_detail();
    snprintf(d->why, sizeof d->why, "%s: %s%s%s", doing, weft_strerror(e), *detail ? ": " : "",
             detail);
    return false;
}

static bool wrong(download *d, const char *why)
{
    snprintf(d->why, sizeof d->why, "%s", why);
    return false;
}

/* A new file of this name, or of this name and a number. */
static bool open_file(weft *w, transfer *t, const char *into, const char *name)
{
    weft_err e = WEFT_INUSE;
    for (int i = 0; i < NAMES && e == WEFT_INUSE; i++) {
        char number[16] = "";
        if (i > 0)
            snprintf(number, sizeof number, ".%d", i);
        int n = snprintf(t->d->file, sizeof t->d->file, "%s/%s%s", into, name, number);
        if (n >= (int)sizeof t->d->file)
            return wrong(t->d, "the name of the directory is too long");
        e = weft_file_open_as(w, &t->file, t->d->file,
                              WEFT_FILE_WRITE | WEFT_FILE_CREATE | WEFT_FILE_EXCLUSIVE);
    }
    if (e == WEFT_OK)
        return true;
    t->d->file[0] = '\0';
    return fail(t->d, "keeping it", e);
}

/* Take `len` bytes of the body, or all that come. */
static bool take(transfer *t, uint64_t len, bool to_the_end)
{
    char piece[PIECE];
    while (len > 0) {
        size_t got;
        if (weft_clock() >= t->by.ns) /* a read that need not wait is never late */
            return fail(t->d, "in the middle", WEFT_LATE);
        weft_err e = weft_read(t->stream, piece, len < PIECE ? (size_t)len : PIECE, &got, t->by);
        if (e == WEFT_CLOSED && to_the_end)
            return true;
        if (e != WEFT_OK)
            return fail(t->d, "in the middle", e);
        len -= got;
        t->d->bytes += got;
        *t->all += got;
        if (t->file != NULL && (e = weft_file_write(t->file, piece, got)) != WEFT_OK)
            return fail(t->d, "keeping it", e);
    }
    return true;
}

/* Read a line of the chunked coding, without its end. */
static bool read_line(transfer *t, char line[LINE])
{
    size_t len;
    weft_err e = weft_read_until(t->stream, "\r\n", line, LINE - 1, &len, t->by);
    if (e != WEFT_OK)
        return fail(t->d, "in the middle", e);
    line[len - 2] = '\0';
    return true;
}

/* Take a body that comes in chunks, each behind a line with its length in hexadecimal digits. */
static bool take_chunks(transfer *t)
{
    char line[LINE];
    for (;;) {
        if (!read_line(t, line))
            return false;
        size_t digits = strspn(line, "0123456789abcdefABCDEF");
        if (digits == 0 || digits > 15)
            return wrong(t->d, "in the middle: a chunk of no length");
        uint64_t len = strtoull(line, NULL, 16);
        if (len == 0)
            return true;
        if (!take(t, len, false) || !read_line(t, line))
            return false;
        if (line[0] != '\0')
            return wrong(t->d, "in the middle: a chunk longer than it said");
    }
}

/* The value of a header, up to the end of its line, or NULL. */
static const char *header(const char *head, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, n) == 0 && at[2 + n] == ':')
            return at + 3 + n + strspn(at + 3 + n, " \t");
    return NULL;
}

static bool take_body(transfer *t, const char *head)
{
    const char *coding = header(head, "Transfer-Encoding"),
               *length = header(head, "Content-Length");
    if (coding != NULL)
        return strncasecmp(coding, "chunked\r", 8) == 0
                   ? take_chunks(t)
                   : wrong(t->d, "the answer has a coding that is not supported");
    if (length == NULL)
        return take(t, UINT64_MAX, true);
    size_t digits = strspn(length, "0123456789");
    if (digits == 0 || digits > 18 || length[digits] != '\r')
        return wrong(t->d, "the answer has no proper length");
    return take(t, strtoull(length, NULL, 10), false);
}

/* Ask, and read the head of the answer. */
static bool ask(transfer *t, const url *u, char head[HEAD])
{
    char request[URL_TARGET + URL_HOST + 128];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weft-fetch\r\nAccept: */*\r\n"
                     "Connection: close\r\n\r\n",
                     u->target, u->host);
    size_t len;
    weft_err e = weft_write(t->stream, request, (size_t)n, t->by);
    if (e != WEFT_OK)
        return fail(t->d, "asking", e);
    e = weft_read_until(t->stream, "\r\n\r\n", head, HEAD - 1, &len, t->by);
    if (e != WEFT_OK)
        return fail(t->d, "waiting for the answer", e);
    head[len] = '\0';
    if (sscanf(head, "HTTP/1.%*1[01] %3d", &t->d->status) != 1)
        return wrong(t->d, "the answer is no HTTP/1.1");
    if (t->d->status == 200)
        return true;
    const char *to = header(head, "Location");
    snprintf(t->d->why, sizeof t->d->why, "%.*s%s%.*s", (int)strcspn(head + 9, "\r\n"), head + 9,
             to ? ", see " : "", to ? (int)strcspn(to, "\r\n") : 0, to ? to : "");
    return false;
}

static bool transfer_run(weft *w, transfer *t, const url *u, const char *into)
{
    char head[HEAD];
    weft_err e = weft_dial(w, &t->stream, u->dial, t->by);
    if (e != WEFT_OK)
        return fail(t->d, "connecting", e);
    return ask(t, u, head) && (into == NULL || open_file(w, t, into, u->name)) &&
           take_body(t, head);
}

void download_run(weft *w, download *d, const char *into, uint64_t *all, weft_deadline by)
{
    url u;
    transfer t = {.d = d, .all = all, .by = by};
    int64_t from = weft_clock();
    const char *why = url_parse(&u, d->url);
    d->begun = true;
    d->done = why == NULL ? transfer_run(w, &t, &u, into) : wrong(d, why);
    weft_close(&t.stream);
    weft_file_close(&t.file);
    if (!d->done && d->file[0] != '\0') {
        remove(d->file);
        d->file[0] = '\0';
    }
    d->seconds = (double)(weft_clock() - from) / 1e9;
}
