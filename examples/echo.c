/* echo: a server that sends back what it gets, and a client that checks it.
 *
 *     ./echo serve                        says where it listens, and serves until SIGINT or SIGTERM
 *     ./echo dial ADDRESS                 sends standard input, prints what comes back
 *     ./echo dial --messages 10000 --connections 50 ADDRESS      measures
 *
 * The server has a task for each connection, which reads and writes as if it blocked. The client that
 * measures has one for each connection, too. The client of standard input has two, at a place where they may
 * block: one sends, the other prints.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "weft/weft.h"

enum { PIECE = 16 * 1024, DIAL_S = 10, ANSWER_S = 30 };

static int64_t messages, connections = 1, size = 64;

static const weft_option options[] = {
    {.name = "messages",
     .letter = 'm',
     .kind = WEFT_OPT_INT,
     .out = &messages,
     .arg = "N",
     .min = 1,
     .max = 1000000000,
     .help = "send N messages on each connection instead of standard input"},
    {.name = "connections",
     .letter = 'c',
     .kind = WEFT_OPT_INT,
     .out = &connections,
     .arg = "K",
     .min = 1,
     .max = 100000,
     .help = "with --messages: on K connections at once; 1 if not given"},
    {.name = "size",
     .letter = 's',
     .kind = WEFT_OPT_INT,
     .out = &size,
     .arg = "BYTES",
     .min = 1,
     .max = PIECE,
     .help = "with --messages: the length of each; 64 if not given"},
    {0}};

static const weft_cli cli = {
    .program = "echo",
    .usage = "serve [ADDRESS] | dial [OPTION]... ADDRESS",
    .about = "Serve what is sent back, or dial such a server. ADDRESS is HOST:PORT, :PORT (every "
             "address of this machine), unix:PATH or unix:@NAME. HOST is 127.0.0.1, [::1] or the "
             "like; dial takes names, too. Port 0 lets the system choose. The server listens at "
             "127.0.0.1:0 if no ADDRESS is given, prints where, and serves until SIGINT or "
             "SIGTERM. The client sends standard input and prints what comes back. (A shell has an "
             "echo of its own: write the path to this one.)\n\nExit code: 0; 1 if something "
             "failed, or not all came back; 2 for wrong usage.",
    .options = options,
    .examples = "./echo serve 127.0.0.1:7777\n"
                "./echo dial localhost:7777 <book.txt\n"
                "./echo dial --messages 10000 --connections 50 localhost:7777",
    .min_args = 1,
    .max_args = 2,
    .arg_name = "serve or dial"};

static int complain(const char *doing, weft_err e)
{
    fprintf(stderr, "echo: %s: %s%s%s\n", doing, weft_strerror(e), weft_detail()[0] ? ": " : "",
            weft_detail());
    return 1;
}

/* ---- the server ---- */

typedef struct server {
    weft_listener *listener;
    weft_signals *signals;
    weft_scope tasks;
} server;

/* A connection. However it ends, the others go on: that is no failure of the server's. */
static weft_err echo(void *arg)
{
    weft_stream *s = arg;
    char piece[PIECE];
    size_t got;
    while (weft_read(s, piece, sizeof piece, &got, WEFT_FOREVER) == WEFT_OK &&
           weft_write(s, piece, got, WEFT_FOREVER) == WEFT_OK)
        continue;
    weft_close(&s);
    return WEFT_OK;
}

static weft_err accept_all(void *arg)
{
    server *v = arg;
    weft_stream *s;
    weft_err e;
    while ((e = weft_accept(v->listener, &s, WEFT_FOREVER)) == WEFT_OK)
        if (weft_go(&v->tasks, echo, s) != WEFT_OK)
            weft_close(&s); /* no memory for one more now, or the end */
    return e;
}

static weft_err end_on_signal(void *arg)
{
    server *v = arg;
    int number;
    weft_err e = weft_signals_next(v->signals, &number, WEFT_FOREVER);
    if (e == WEFT_OK)
        weft_scope_cancel(&v->tasks);
    return e;
}

static int serve(weft *w, const char *at)
{
    server v = {0};
    char text[WEFT_ADDRESS_TEXT];
    weft_address a;
    weft_err e = weft_signals_open(w, &v.signals, (const int[]){SIGINT, SIGTERM}, 2);
    if (e == WEFT_OK)
        e = weft_listen(w, &v.listener, at, NULL);
    if (e == WEFT_OK) {
        weft_listener_address(v.listener, &a);
        printf("listening at %s\n", weft_address_text(&a, text, sizeof text));
        fflush(stdout);
        weft_scope_init(&v.tasks, weft_pool(w), "server");
        e = weft_go(&v.tasks, end_on_signal, &v);
        if (e == WEFT_OK)
            e = weft_go(&v.tasks, accept_all, &v);
        if (e == WEFT_OK)
            e = weft_scope_join(&v.tasks, WEFT_FOREVER);
        weft_scope_fini(&v.tasks);
    }
    int code = e == WEFT_OK ? 0 : complain("serve", e);
    weft_listener_close(&v.listener);
    weft_signals_close(&v.signals);
    return code;
}

/* ---- the client of standard input ---- */

typedef struct talk {
    weft_stream *stream;
    uint64_t sent, came; /* bytes */
    bool whole;          /* all of standard input was sent */
} talk;

/* Send standard input. It is waited for, which can be cancelled, before it is read. A file never has to be
 * waited for: weft_ready calls that invalid. */
static weft_err send_input(void *arg)
{
    talk *t = arg;
    char piece[PIECE];
    for (;;) {
        weft_err e = weft_ready(STDIN_FILENO, WEFT_READABLE, WEFT_FOREVER);
        if (e != WEFT_OK && e != WEFT_INVALID)
            return e;
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return WEFT_SYS;
        t->whole = n == 0;
        if (n == 0)
            return weft_stream_end(t->stream);
        e = weft_write(t->stream, piece, (size_t)n, WEFT_FOREVER);
        if (e != WEFT_OK)
            return e;
        t->sent += (uint64_t)n;
    }
}

/* Print what comes. Its end is returned as an error, so that nobody waits for more to send. */
static weft_err print_answer(void *arg)
{
    talk *t = arg;
    char piece[PIECE];
    size_t got;
    weft_err e;
    while ((e = weft_read(t->stream, piece, sizeof piece, &got, WEFT_FOREVER)) == WEFT_OK) {
        t->came += got;
        if (fwrite(piece, 1, got, stdout) < got || fflush(stdout) != 0)
            return WEFT_SYS;
    }
    return e;
}

static int dial(weft *w, const char *to)
{
    talk t = {0};
    weft_scope both;
    weft_err e = weft_dial(w, &t.stream, to, weft_in_s(DIAL_S));
    if (e != WEFT_OK)
        return complain("dial", e);
    weft_scope_init(&both, weft_threads(w), "talk");
    e = weft_go(&both, send_input, &t);
    if (e == WEFT_OK)
        e = weft_go(&both, print_answer, &t);
    if (e == WEFT_OK)
        e = weft_scope_join(&both, WEFT_FOREVER);
    weft_scope_fini(&both);
    weft_close(&t.stream);
    if (e == WEFT_CLOSED && t.whole && t.sent == t.came)
        return 0;
    return complain("talk", e);
}

/* ---- the client that measures ---- */

/* Send messages and check what comes back, one at a time. `arg` is the address. */
static weft_err send_messages(void *arg)
{
    char message[PIECE], answer[PIECE];
    size_t n = (size_t)size;
    weft_stream *s = NULL;
    weft_err e = weft_dial(weft_here(), &s, arg, weft_in_s(DIAL_S));
    for (int64_t i = 0; e == WEFT_OK && i < messages; i++) {
        weft_deadline by = weft_in_s(ANSWER_S);
        memset(message, (int)('!' + i % 94), n);
        e = weft_write(s, message, n, by);
        if (e == WEFT_OK)
            e = weft_read_full(s, answer, n, NULL, by);
        if (e == WEFT_OK && memcmp(message, answer, n) != 0)
            e = WEFT_STALE;
    }
    weft_close(&s);
    return e;
}

static int measure(weft *w, char *to)
{
    weft_scope all;
    weft_err e = WEFT_OK;
    int64_t from = weft_clock();
    weft_scope_init(&all, weft_pool(w), "connections");
    for (int64_t i = 0; i < connections && e == WEFT_OK; i++)
        e = weft_go(&all, send_messages, to);
    if (e == WEFT_OK || e == WEFT_CANCELLED) /* cancelled: one has failed, which join tells */
        e = weft_scope_join(&all, WEFT_FOREVER);
    weft_scope_fini(&all);
    if (e == WEFT_STALE)
        return fprintf(stderr, "echo: something else came back than was sent\n"), 1;
    if (e != WEFT_OK)
        return complain("dial", e);
    double seconds = (double)(weft_clock() - from) / 1e9;
    double all_messages = (double)(connections * messages);
    printf("%.0f messages of %" PRId64 " bytes on %" PRId64
           " connection%s, %.2f s, %.0f a second, %.1f us each\n",
           all_messages, size, connections, connections == 1 ? "" : "s", seconds,
           all_messages / seconds, 1e6 * seconds * (double)connections / all_messages);
    return 0;
}

static int app(weft *w, int argc, char **argv)
{
    if (strcmp(argv[1], "serve") == 0)
        return serve(w, argc > 2 ? argv[2] : "127.0.0.1:0");
    if (strcmp(argv[1], "dial") == 0 && argc > 2)
        return messages > 0 ? measure(w, argv[2]) : dial(w, argv[2]);
    fprintf(stderr, "echo: '%s' is neither serve [ADDRESS] nor dial ADDRESS; see echo --help\n",
            argv[1]);
    return 2;
}

int main(int argc, char **argv)
{
    const weft_opts opts = {.cli = &cli};
    return weft_main(argc, argv, &opts, app);
}
