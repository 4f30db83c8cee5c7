/* chat: a room for lines of text.
 *
 *     chat :7777                serves until SIGINT or SIGTERM
 *     nc localhost 7777         a member: says a name, then lines; /quit leaves
 *
 * A member has two tasks. One reads lines and puts each into the queues of the others; the other writes what
 * is in its member's queue. Putting never waits: a member whose queue is full reads too slowly, is told so and
 * dropped. So nobody waits for anybody else.
 *
 * All tasks are on the loop: they run one at a time, and another one goes on only where one waits. So the list
 * of members needs no lock, and a name is still free when it is taken.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "weft/weft.h"

enum {
    LINE = 512,    /* bytes of a line, as it comes, with its end */
    NAME = 20,     /* bytes of a name */
    MESSAGE = 600, /* bytes of what is sent: a name, a line and a little more */
    BEHIND = 64,   /* messages that a member may be behind */
    NAME_S = 60,   /* seconds that a newcomer has to say a name */
    WRITE_S = 10   /* seconds that a member may read nothing of what is sent */
};

static const weft_cli cli = {
    .program = "chat",
    .usage = "[ADDRESS]",
    .about = "Serve a room for lines of text until SIGINT or SIGTERM, at ADDRESS, 127.0.0.1:0 if "
             "not given, and print where; :PORT is every address of this machine. Who comes, with "
             "nc for one, says a name, then lines; /quit leaves.",
    .examples = "chat :7777\nnc localhost 7777",
    .max_args = 1};

/* Lives on the stack of its connection's task. */
typedef struct member {
    struct member *next;
    weft_stream *stream;
    weft_scope reading;   /* cancelled when it leaves */
    weft_queue *messages; /* to be written to it */
    const char *farewell; /* the last thing that is */
    char name[NAME + 1];
} member;

static member *members;
static weft_scope tasks;
static weft_listener *listener;
static weft_signals *signals;

/* ---- the room: nothing here waits ---- */

/* From here on it says nothing, and nobody sends it anything. */
static void leave(member *m, const char *farewell)
{
    member **at = &members;
    while (*at != NULL && *at != m)
        at = &(*at)->next;
    if (*at == NULL)
        return; /* it has left before */
    *at = m->next;
    m->farewell = farewell;
    weft_queue_end(m->messages);
    weft_scope_cancel(&m->reading);
}

__attribute__((format(printf, 2, 3))) static void tell(member *m, const char *format, ...)
{
    char text[MESSAGE];
    va_list values;
    va_start(values, format);
    int len = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (weft_put(m->messages, text, (size_t)len, WEFT_NOW) != WEFT_OK)
        leave(m, "* you read too slowly: goodbye\n");
}

/* Tell everybody but one. Whoever is told may leave. */
static void tell_others(const member *from, const char *before, const char *between,
                        const char *text)
{
    for (member *m = members, *next; m != NULL; m = next) {
        next = m->next;
        if (m != from)
            tell(m, "%s%s%s%s\n", before, from->name, between, text);
    }
}

static bool name_is_free(const char *name)
{
    const member *m = members;
    while (m != NULL && strcasecmp(m->name, name) != 0)
        m = m->next;
    return m == NULL;
}

/* ---- a member ---- */

/* Read a line, without its end and without what a terminal would obey. A line that the end of all cuts is one,
 * too. */
static weft_err read_line(weft_stream *s, char line[LINE + 1], weft_deadline by)
{
    size_t len = 0;
    weft_err e = weft_read_until(s, "\n", line, LINE, &len, by);
    if (e == WEFT_CLOSED && len > 0)
        e = WEFT_OK;
    while (e == WEFT_OK && len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    line[e == WEFT_OK ? len : 0] = '\0';
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return e;
}

static weft_err say(weft_stream *s, const char *text)
{
    return weft_write(s, text, strlen(text), weft_in_s(WRITE_S));
}

/* Ask for a name until it is one. */
static weft_err ask_name(member *m)
{
    char line[LINE + 1];
    weft_deadline by = weft_in_s(NAME_S);
    weft_err e = say(m->stream, "* your name?\n");
    while (e == WEFT_OK && (e = read_line(m->stream, line, by)) == WEFT_OK) {
        size_t len = strlen(line);
        if (len == 0 || len > NAME || line[0] == '/' || strchr(line, ' ') != NULL)
            e = say(m->stream, "* 1 to 20 characters without a space, please: your name?\n");
        else if (!name_is_free(line))
            e = say(m->stream, "* somebody has that name: yours?\n");
        else
            return memcpy(m->name, line, len + 1), WEFT_OK;
    }
    return e;
}

/* A task: write what is sent to the member, until it has left. */
static weft_err write_messages(void *arg)
{
    member *m = arg;
    char text[MESSAGE];
    size_t len;
    weft_err e;
    while ((e = weft_get(m->messages, text, sizeof text, &len, WEFT_FOREVER)) == WEFT_OK &&
           (e = weft_write(m->stream, text, len, weft_in_s(WRITE_S))) == WEFT_OK)
        continue;
    leave(m, "* you read too slowly: goodbye\n"); /* it could not be written */
    if (e == WEFT_CLOSED)
        e = say(m->stream, m->farewell);
    while (weft_get(m->messages, text, sizeof text, &len, WEFT_NOW) == WEFT_OK)
        continue; /* nobody will take these */
    return WEFT_OK;
}

/* A task: hand out the member's lines, until it leaves. */
static weft_err read_lines(void *arg)
{
    member *m = arg;
    char line[LINE + 1];
    weft_err e;
    while ((e = read_line(m->stream, line, WEFT_FOREVER)) == WEFT_OK &&
           strcmp(line, "/quit") != 0) {
        if (line[0] == '/')
            tell(m, "* there is only /quit\n");
        else if (line[0] != '\0')
            tell_others(m, "", ": ", line);
        weft_yield(); /* many lines may have come at once: let them be written */
    }
    leave(m, e == WEFT_TOOBIG ? "* that line is too long: goodbye\n" : "* goodbye\n");
    return WEFT_OK;
}

/* A member is in the room from its welcome on, until somebody makes it leave. */
static void stay(member *m)
{
    weft_scope writing;
    weft_scope_init(&m->reading, weft_loop(weft_here()), "reading");
    weft_scope_init(&writing, weft_loop(weft_here()), "writing");
    m->next = members;
    members = m;
    tell(m, "* welcome, %s; /quit leaves\n", m->name);
    tell_others(m, "* ", " has come", "");
    weft_err e = weft_go(&writing, write_messages, m);
    if (e == WEFT_OK)
        e = weft_go(&m->reading, read_lines, m);
    if (e == WEFT_OK)
        e = weft_scope_join(&m->reading, WEFT_FOREVER);
    leave(m, "* goodbye\n"); /* if not by itself */
    weft_scope_fini(&m->reading);
    tell_others(m, "* ", " has left", "");
    if (e == WEFT_OK)
        e = weft_scope_join(&writing, weft_in_s(WRITE_S)); /* later it is cancelled */
    weft_scope_fini(&writing);
}

/* A connection. However it ends, the others go on: that is no failure of the server's. */
static weft_err serve(void *stream)
{
    member m = {.stream = stream};
    if (weft_queue_init(&m.messages, "messages", MESSAGE, BEHIND) == WEFT_OK &&
        ask_name(&m) == WEFT_OK)
        stay(&m);
    weft_close(&m.stream);
    weft_queue_close(&m.messages);
    return WEFT_OK;
}

/* ---- the server ---- */

static weft_err accept_all(void *arg)
{
    weft_stream *s;
    weft_err e;
    while ((e = weft_accept(arg, &s, WEFT_FOREVER)) == WEFT_OK)
        if (weft_go(&tasks, serve, s) != WEFT_OK)
            weft_close(&s); /* no memory for one more now, or the end */
    return e;
}

static weft_err end_on_signal(void *arg)
{
    int number;
    weft_err e = weft_signals_next(arg, &number, WEFT_FOREVER);
    weft_scope_cancel(&tasks);
    return e;
}

static int app(weft *w, int argc, char **argv)
{
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    weft_scope_init(&tasks, weft_loop(w), "chat");
    weft_err e = weft_signals_open(w, &signals, (const int[]){SIGINT, SIGTERM}, 2);
    if (e == WEFT_OK)
        e = weft_listen(w, &listener, argc > 1 ? argv[1] : "127.0.0.1:0", NULL);
    if (e == WEFT_OK)
        e = weft_go(&tasks, end_on_signal, signals);
    if (e == WEFT_OK)
        e = weft_go(&tasks, accept_all, listener);
    if (e == WEFT_OK) {
        weft_listener_address(listener, &a);
        printf("listening at %s\n", weft_address_text(&a, text, sizeof text));
        fflush(stdout);
        e = weft_scope_join(&tasks, WEFT_FOREVER);
    }
    if (e != WEFT_OK)
        fprintf(stderr, "chat: %s: %s\n", weft_strerror(e), weft_detail());
    weft_scope_fini(&tasks);
    weft_listener_close(&listener);
    weft_signals_close(&signals);
    return e != WEFT_OK;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, &(weft_opts){.cli = &cli}, app);
}
