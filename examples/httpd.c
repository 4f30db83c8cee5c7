/* httpd: serve the files of a directory over HTTP/1.1.
 *
 *     weft run -n 4 -- httpd public :8080       four processes, or without weft run one
 *
 * A connection is a task: it reads a request, answers it, and goes on to the next, as if each call blocked.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "weft/weft.h"

enum { HEAD_MOST = 8192, PIECE = 32 * 1024, IDLE_S = 10, WRITE_S = 10, LINGER_S = 2 };
static const weft_cli cli = {
    .program = "httpd",
    .usage = "[DIR [ADDRESS]]",
    .about = "Serve the files of DIR (.) over HTTP at ADDRESS (127.0.0.1:8080; :8080: everybody).",
    .examples = "httpd public\nweft run -n 4 -- httpd public :8080",
    .max_args = 2};
static const char types[] = /* by ending; each goes on to the end of its line */
    ".html text/html; charset=utf-8\n.txt text/plain; charset=utf-8\n.css text/css\n"
    ".js text/javascript\n.svg image/svg+xml\n.png image/png\n.jpg image/jpeg\n";
static char root[PATH_MAX]; /* the directory, without links */
static weft_scope tasks;

typedef struct request {
    weft_stream *stream;
    bool head, keep;               /* only the answer's head is wanted; the connection goes on */
    const char *status;            /* of the answer */
    char *path, file[PATH_MAX];    /* decoded; what it leads to */
    char location[HEAD_MOST + 16]; /* for a directory without a slash */
} request;

static const char *type_of(const char *file)
{
    const char *ending = strrchr(file, '.'), *at = ending ? strstr(types, ending) : NULL;
    return at && at[strlen(ending)] == ' ' ? at + strlen(ending) + 1 : "application/octet-stream";
}

/* Send the head of the answer, and the first `n` of its body's `size` bytes. */
static weft_err reply(request *r, const char *type, uintmax_t size, const void *body, size_t n)
{
    char head[HEAD_MOST + 512], date[64];
    strftime(date, 64, "%a, %d %b %Y %T GMT", gmtime_r(&(time_t){time(NULL)}, &(struct tm){0}));
    int len =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %s\r\nServer: weft\r\nDate: %s\r\nConnection: %s\r\n%s"
                 "Allow: GET, HEAD\r\nContent-Type: %.*s\r\nContent-Length: %ju\r\n\r\n",
                 r->status, date, r->keep ? "keep-alive" : "close",
                 r->status[0] == '3' ? r->location : "", (int)strcspn(type, "\n"), type, size);
    const weft_slice both[] = {{head, (size_t)len}, {body, r->head ? 0 : n}};
    return weft_write_slices(r->stream, both, 2, weft_in_s(WRITE_S));
}

/* Find what the path leads to, through links; what is outside is not there. Blocks: it has a thread. */
static weft_err find(void *arg)
{
    request *r = arg;
    char path[PATH_MAX + HEAD_MOST];
    struct stat st;
    size_t n = root[1] ? strlen(root) : 0; /* "/" is in front of every path */
    snprintf(path, sizeof path, "%s%s%s", root, r->path,
             r->path[strlen(r->path) - 1] == '/' ? "index.html" : "");
    if (realpath(path, r->file) == NULL || stat(r->file, &st) != 0 ||
        strncmp(r->file, root, n) != 0 || (r->file[n] != '/' && r->file[n] != '\0'))
        r->status = "404 Not Found";
    else if (!S_ISREG(st.st_mode))
        r->status = S_ISDIR(st.st_mode) ? "301 Moved Permanently" : "403 Forbidden";
    return WEFT_OK;
}

/* Answer with the file, or with the status if there is one. */
static weft_err answer(request *r)
{
    weft_file *f = NULL;
    char piece[PIECE];
    uint64_t size = 0, sent = 0;
    weft_err e = r->status[0] == '2' ? weft_blocking(weft_here(), find, r) : WEFT_OK;
    if (e == WEFT_OK && r->status[0] == '2')
        e = weft_file_open(weft_here(), &f, r->file);
    if (e != WEFT_OK)
        r->status = e == WEFT_DENIED ? "403 Forbidden" : "503 Service Unavailable";
    if (r->status[0] != '2')
        return reply(r, "text/plain", strlen(r->status), r->status, strlen(r->status));
    e = weft_file_size(f, &size);
    do {
        size_t got = 0, want = size - sent < PIECE ? (size_t)(size - sent) : PIECE;
        if (e == WEFT_OK && (e = weft_file_read_at(f, piece, want, sent, &got)) == WEFT_OK)
            e = got < want  ? WEFT_LOST /* it became shorter than was promised */
                : sent == 0 ? reply(r, type_of(r->file), size, piece, got)
                            : weft_write(r->stream, piece, got, weft_in_s(WRITE_S));
        sent += got;
    } while (e == WEFT_OK && sent < size && !r->head);
    weft_file_close(&f);
    return e;
}

/* Read a request. Gives back the status of the answer, so far. */
static const char *parse(request *r, char *head)
{
    char method[8], minor, *rest;
    int from, to;
    if (sscanf(head, "%7s %n%*s%n HTTP/1.%c", method, &from, &to, &minor) != 2 || head[from] != '/')
        return "400 Bad Request";
    r->keep = minor != '0';
    for (char *line = strtok_r(head + to, "\r\n", &rest); line;
         line = strtok_r(NULL, "\r\n", &rest))
        if ((strncasecmp(line, "connection:", 11) == 0 && strcasestr(line, "close") != NULL) ||
            strncasecmp(line, "content-length:", 15) == 0 || strncasecmp(line, "transfer-", 9) == 0)
            r->keep = false; /* no body is read: the next request would begin somewhere in it */
    head[to] = '\0';
    r->path = head + from;
    r->path[strcspn(r->path, "?#")] = '\0';
    snprintf(r->location, sizeof r->location, "Location: .%s/\r\n", strrchr(r->path, '/'));
    for (char *in = r->path, *out = in; (*out = *in) != '\0'; in++, out++)
        if (*in == '%') { /* %41 is an A; the end of the text is none */
            if (strspn(in + 1, "0123456789abcdefABCDEF") < 2 || strncmp(in, "%00", 3) == 0)
                return "400 Bad Request";
            *out = (char)strtol((char[]){in[1], in[2], '\0'}, NULL, 16);
            in += 2;
        }
    r->head = strcmp(method, "HEAD") == 0;
    return r->head || strcmp(method, "GET") == 0 ? "200 OK" : "405 Method Not Allowed";
}

/* A connection. One that breaks is no failure of the server: the others go on. */
static weft_err serve(void *stream)
{
    request r = {.stream = stream, .keep = true};
    char head[HEAD_MOST + 1];
    size_t len = 0;
    weft_err e = WEFT_OK;
    while (r.keep && e == WEFT_OK) {
        e = weft_read_until(r.stream, "\r\n\r\n", head, HEAD_MOST, &len, weft_in_s(IDLE_S));
        head[e == WEFT_OK ? len : 0] = '\0';
        r.head = r.keep = false;
        r.status = e == WEFT_TOOBIG ? "431 Request Header Fields Too Large" : parse(&r, head);
        if (e == WEFT_OK || e == WEFT_TOOBIG)
            e = answer(&r);
    }
    weft_deadline by = weft_in_s(LINGER_S); /* closed with something unread, the answer were lost */
    for (e = weft_stream_end(r.stream); e == WEFT_OK;)
        e = weft_read(r.stream, head, HEAD_MOST, &len, by);
    weft_close(&r.stream);
    return WEFT_OK;
}

static weft_err accept_all(void *listener)
{
    weft_stream *s;
    weft_err e;
    while ((e = weft_accept(listener, &s, WEFT_FOREVER)) == WEFT_OK)
        if (weft_go(&tasks, serve, s) != WEFT_OK)
            weft_close(&s); /* no memory for one more now, or the end */
    return e;
}

static weft_err end_on_signal(void *signals)
{
    int number;
    weft_err e = weft_signals_next(signals, &number, WEFT_FOREVER);
    weft_scope_cancel(&tasks);
    return e;
}

static int app(weft *w, int argc, char **argv)
{
    const weft_listen_opts opts = {.share_port = weft_size(w) > 1};
    weft_listener *l = NULL;
    weft_signals *signals = NULL;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    if (realpath(argc > 1 ? argv[1] : ".", root) == NULL)
        return perror(argv[1]), 1;
    weft_scope_init(&tasks, weft_pool(w), "httpd");
    weft_err e = weft_signals_open(w, &signals, (const int[]){SIGINT, SIGTERM}, 2);
    if (e == WEFT_OK &&
        (e = weft_listen(w, &l, argc > 2 ? argv[2] : "127.0.0.1:8080", &opts)) == WEFT_OK &&
        (e = weft_go(&tasks, end_on_signal, signals)) == WEFT_OK &&
        (e = weft_go(&tasks, accept_all, l)) == WEFT_OK) {
        weft_listener_address(l, &a);
        printf("listening at http://%s/\n", weft_address_text(&a, text, sizeof text));
        fflush(stdout);
        e = weft_scope_join(&tasks, WEFT_FOREVER);
    }
    weft_scope_fini(&tasks);
    weft_listener_close(&l);
    weft_signals_close(&signals);
    return e == WEFT_OK ? 0
                        : (fprintf(stderr, "httpd: %s: %s\n", weft_strerror(e), weft_detail()), 1);
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, &(weft_opts){.cli = &cli}, app);
}
