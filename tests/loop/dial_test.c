/* Dialling: several addresses of one name, some of which refuse, are silent or come late; and full backlogs.
 * ctest: serial wrap=getaddrinfo,freeaddrinfo,connect */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "task/trial.h"
#include "weft/io.h"
#include "weft/stream.h"
#include "weft/sync.h"

enum { MOST = 16 };

static weft *w;

/* The stand-in for the look-up: "these" has the addresses of `found`. */
struct fake {
    struct addrinfo info[MOST];
    struct sockaddr_in6 at[MOST]; /* large enough for both families */
};

static struct {
    struct sockaddr_in6 at[MOST];
    int n;
} found;

/* The stand-in for connect notes the ports in the order in which they are asked; some refuse without having
 * been asked. */
static struct {
    int ports[MOST], n; /* n: atomic */
    int unix_sockets;   /* atomic: how often one was asked */
    bool refuse;
    int slow; /* this port's connection comes off once another one was made, at the same moment; 0: none */
    int made; /* atomic: connections to other ports */
} asked;

int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __real_freeaddrinfo(struct addrinfo *);
int __real_connect(int, const struct sockaddr *, socklen_t);
int __wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __wrap_freeaddrinfo(struct addrinfo *);
int __wrap_connect(int, const struct sockaddr *, socklen_t);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    if (!host || strcmp(host, "these") != 0)
        return __real_getaddrinfo(host, service, hints, out);
    struct fake *f = calloc(1, sizeof *f);
    if (!f)
        return EAI_MEMORY;
    for (int i = 0; i < found.n; i++) {
        bool v6 = found.at[i].sin6_family == AF_INET6;
        f->at[i] = found.at[i];
        f->info[i] = (struct addrinfo){.ai_family = found.at[i].sin6_family,
                                       .ai_addr = (struct sockaddr *)&f->at[i],
                                       .ai_addrlen = v6 ? sizeof(struct sockaddr_in6)
                                                        : sizeof(struct sockaddr_in),
                                       .ai_next = i + 1 < found.n ? &f->info[i + 1] : NULL};
    }
    *out = f->info;
    return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
        __real_freeaddrinfo(list);
    else if (list->ai_socktype == 0 && list->ai_protocol == 0)
        free(list);
    else
        __real_freeaddrinfo(list);
}

/* Keeps its worker until another connection was made, and is connected then. */
static int connect_last(int fd, const struct sockaddr *to, socklen_t len)
{
    int flags = fcntl(fd, F_GETFL);
    ignore(spin_until(&asked.made) ? WEFT_OK : WEFT_LATE);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    int r = __real_connect(fd, to, len);
    fcntl(fd, F_SETFL, flags);
    return r;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    /* The port stands at the same place in both families. */
    if (to->sa_family == AF_INET || to->sa_family == AF_INET6) {
        int i = __atomic_fetch_add(&asked.n, 1, __ATOMIC_ACQ_REL);
        if (i < MOST)
            asked.ports[i] = ntohs(((const struct sockaddr_in *)(const void *)to)->sin_port);
    }
    if (to->sa_family == AF_UNIX)
        __atomic_fetch_add(&asked.unix_sockets, 1, __ATOMIC_ACQ_REL);
    if (asked.slow && ntohs(((const struct sockaddr_in *)(const void *)to)->sin_port) == asked.slow)
        return connect_last(fd, to, len);
    if (!asked.refuse) {
        int r = __real_connect(fd, to, len);
        __atomic_store_n(&asked.made, 1, __ATOMIC_RELEASE);
        return r;
    }
    errno = ECONNREFUSED;
    return -1;
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static int files_before;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, 100);
    found.n = asked.n = asked.unix_sockets = asked.slow = asked.made = 0;
    asked.refuse = false;
    files_before = open_files();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    int files = open_files();
    engine_close(w);
    watched = NULL;
    if (files == files_before)
        return 0;
    printf("%d descriptors are open, %d were\n", files, files_before);
    return -1;
}

static void ok(weft_err e)
{
    if (e != WEFT_OK)
        fail_msg("%s: %s", weft_strerror(e), weft_detail());
}

static const int64_t ms = 1000000;

/* An end of the system's own: listens and accepts nobody by itself. */
struct end {
    int fd, fill; /* and who waits in its backlog, or -1 */
    int port;
};

static void listen_at(struct end *e, int family, int backlog)
{
    struct sockaddr_in6 a = {.sin6_family = (sa_family_t)family};
    socklen_t len = family == AF_INET6 ? sizeof a : sizeof(struct sockaddr_in);
    if (family == AF_INET6)
        a.sin6_addr = in6addr_loopback;
    else
        ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *e = (struct end){.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                      .fill = -1};
    assert_true(e->fd >= 0);
    assert_int_equal(bind(e->fd, (struct sockaddr *)&a, len), 0);
    if (backlog >= 0)
        assert_int_equal(listen(e->fd, backlog), 0);
    assert_int_equal(getsockname(e->fd, (struct sockaddr *)&a, &len), 0);
    e->port = ntohs(a.sin6_port);
}

static void add(int family, int port)
{
    struct sockaddr_in6 *a = &found.at[found.n++];
    *a = (struct sockaddr_in6){.sin6_family = (sa_family_t)family,
                               .sin6_port = htons((uint16_t)port)};
    if (family == AF_INET6)
        a->sin6_addr = in6addr_loopback;
    else
        ((struct sockaddr_in *)a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

/* Answers. */
static void good(struct end *e)
{
    listen_at(e, AF_INET, 8);
    add(AF_INET, e->port);
}

/* Bound and does not listen: refuses, and nobody else takes the port. */
static void bad(struct end *e)
{
    listen_at(e, AF_INET, -1);
    add(AF_INET, e->port);
}

/* Linux tells here how many wait to be accepted, and how many may before who comes is dropped. */
static bool is_full(int fd)
{
    struct tcp_info is;
    socklen_t len = sizeof is;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &is, &len), 0);
    return is.tcpi_unacked > is.tcpi_sacked;
}

/* Its backlog is full, and the system drops who comes. */
static void silent(struct end *e)
{
    listen_at(e, AF_INET, 0);
    add(AF_INET, e->port);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)e->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    e->fill = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(__real_connect(e->fill, (struct sockaddr *)&a, sizeof a), 0);
    int64_t until = weft_clock() + 20000 * ms;
    while (!is_full(e->fd) && weft_clock() < until)
        ignore(weft_yield());
    assert_true(is_full(e->fd));
}

static void end_all(struct end *e, int n)
{
    for (int i = 0; i < n; i++) {
        close(e[i].fd);
        if (e[i].fill >= 0)
            close(e[i].fill);
    }
}

/* A dial, as a task. */
struct dial {
    const char *to;
    weft_deadline by;
    weft_stream *s;
    int port;
    int64_t took, ended;
    weft_err result;
    char detail[512];
};

static weft_err dial(void *arg)
{
    struct dial *d = arg;
    weft_address peer;
    int64_t begin = weft_clock();
    d->s = NULL;
    d->result = weft_dial(w, &d->s, d->to, d->by);
    d->ended = weft_clock();
    d->took = d->ended - begin;
    snprintf(d->detail, sizeof d->detail, "%s", d->result == WEFT_OK ? "" : weft_detail());
    if (d->result == WEFT_OK) {
        weft_stream_peer(d->s, &peer);
        d->port = weft_address_port(&peer);
        weft_close(&d->s);
    }
    return WEFT_OK;
}

static struct dial dialled(const char *to, weft_deadline by)
{
    struct dial d = {.to = to, .by = by};
    ok(run_at(weft_pool(w), dial, &d));
    return d;
}

static void is(const struct dial *d, weft_err e)
{
    if (d->result != e)
        fail_msg("%s: %s: %s", d->to, weft_strerror(d->result), d->detail);
}

static void after_a_refusal_the_next_is_tried_at_once(void **state)
{
    (void)state;
    struct end e[4];
    bad(&e[0]);
    bad(&e[1]);
    good(&e[2]);
    silent(&e[3]);
    /* One is quick: a stagger would make all of them slow. */
    int64_t best = INT64_MAX;
    for (int i = 0; i < 20 && best >= 240 * ms; i++) {
        struct dial d = dialled("these:1", weft_in_s(60));
        is(&d, WEFT_OK);
        assert_int_equal(d.port, e[2].port);
        best = d.took < best ? d.took : best;
    }
    assert_true(best < 240 * ms);
    end_all(e, 4);
}

static void a_silent_one_is_left_aside_after_a_while(void **state)
{
    (void)state;
    struct end e[2];
    silent(&e[0]);
    good(&e[1]);
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_OK);
    assert_int_equal(d.port, e[1].port);
    assert_true(d.took >= 249 * ms);
    assert_true(d.took < 30000 * ms);
    assert_int_equal(asked.n, 2);
    assert_int_equal(asked.ports[0], e[0].port);
    end_all(e, 2);
}

/* Nobody began before its turn: 250 ms for each silent one. */
static void several_silent_ones_are_tried_one_after_the_other(void **state)
{
    (void)state;
    struct end e[4];
    silent(&e[0]);
    bad(&e[1]);
    silent(&e[2]);
    good(&e[3]);
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_OK);
    assert_int_equal(d.port, e[3].port);
    assert_true(d.took >= 499 * ms);
    for (int i = 0; i < 4; i++)
        assert_int_equal(asked.ports[i], e[i].port);
    end_all(e, 4);
}

/* Both are connected when the first look is taken, or soon after: teardown sees that one was closed. */
static void of_two_that_answer_one_is_closed(void **state)
{
    (void)state;
    struct end e[2];
    good(&e[0]);
    good(&e[1]);
    asked.slow = e[0].port;
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_OK);
    assert_int_equal(asked.n, 2);
    for (int i = 0; i < 2; i++) {
        int fd = accept4(e[i].fd, NULL, NULL, SOCK_CLOEXEC);
        char byte;
        assert_true(fd >= 0);
        ok(weft_ready(fd, WEFT_READABLE, weft_in_s(20)));
        assert_int_equal(read(fd, &byte, 1), 0); /* its end, though nobody here closed it */
        close(fd);
    }
    end_all(e, 2);
}

/* The first is still asked when the second has refused and no further one is left. */
static void who_was_silent_may_still_answer(void **state)
{
    (void)state;
    struct end e[2];
    silent(&e[0]);
    bad(&e[1]);
    struct dial d = {.to = "these:1", .by = weft_in_s(60)};
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "dialling");
    ok(weft_go(&s, dial, &d));
    int64_t until = weft_clock() + 60000 * ms;
    while (__atomic_load_n(&asked.n, __ATOMIC_ACQUIRE) < 2 && weft_clock() < until)
        ignore(weft_yield());
    assert_int_equal(asked.n, 2);
    /* Now it has room, and nobody else wants it; the system of who dials asks again after a second. */
    close(e[0].fill);
    e[0].fill = -1;
    for (int fd; (fd = accept4(e[0].fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        close(fd);
    ok(weft_scope_join(&s, weft_in_s(60)));
    weft_scope_fini(&s);
    is(&d, WEFT_OK);
    assert_int_equal(d.port, e[0].port);
    end_all(e, 2);
}

static void if_all_refuse_the_first_one_is_named(void **state)
{
    (void)state;
    struct end e[3];
    char text[64];
    for (int i = 0; i < 3; i++)
        bad(&e[i]);
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_REFUSED);
    assert_int_equal(asked.n, 3);
    snprintf(text, sizeof text, "127.0.0.1:%d", e[0].port);
    if (!strstr(d.detail, text))
        fail_msg("no word of %s: %s", text, d.detail);
    end_all(e, 3);
}

static void if_all_are_silent_it_is_late_at_the_deadline(void **state)
{
    (void)state;
    struct end e[2];
    silent(&e[0]);
    silent(&e[1]);
    struct dial d = dialled("these:1", weft_in_s(2));
    is(&d, WEFT_LATE);
    assert_true(d.ended >= d.by.ns);
    assert_true(d.took < 30000 * ms);
    assert_int_equal(asked.n, 2);
    assert_non_null(strstr(d.detail, "these:1"));
    /* A deadline within the first one's time; and after one that refused. */
    for (int i = 0; i < 20 && asked.n == 2; i++) { /* until the look-up takes less than that */
        d = dialled("these:1", weft_in_ms(100));
        is(&d, WEFT_LATE);
    }
    assert_int_equal(asked.n, 3);
    found.n = 1;
    struct end more;
    bad(&more);
    d = dialled("these:1", weft_in_ms(400));
    is(&d, WEFT_LATE);
    end_all(e, 2);
    end_all(&more, 1);
}

static void a_dial_is_cancelled_in_the_middle(void **state)
{
    (void)state;
    struct end e[3];
    for (int i = 0; i < 3; i++)
        silent(&e[i]);
    for (int wait_for = 1; wait_for <= 3; wait_for++) {
        struct dial d = {.to = "these:1", .by = WEFT_FOREVER};
        weft_scope s;
        __atomic_store_n(&asked.n, 0, __ATOMIC_RELEASE);
        weft_scope_init(&s, weft_pool(w), "dialling");
        ok(weft_go(&s, dial, &d));
        int64_t until = weft_clock() + 60000 * ms;
        while (__atomic_load_n(&asked.n, __ATOMIC_ACQUIRE) < wait_for && weft_clock() < until)
            ignore(weft_yield());
        weft_scope_fini(&s);
        is(&d, WEFT_CANCELLED);
        assert_null(d.s);
        assert_true(__atomic_load_n(&asked.n, __ATOMIC_ACQUIRE) >= wait_for);
        assert_int_equal(open_files(), files_before + 3 + 3);
    }
    end_all(e, 3);
}

/* A name has to be looked up, which is a wait. A connection to an address is had if it is there at once; the
 * silent one never is. */
static void a_deadline_that_has_passed_begins_nothing(void **state)
{
    (void)state;
    struct end e[2];
    char text[64];
    good(&e[0]);
    silent(&e[1]);
    snprintf(text, sizeof text, "127.0.0.1:%d", e[1].port);
    const weft_deadline past[] = {WEFT_NOW, {INT64_MIN + 1}, {0}, weft_in_s(-1), weft_in_ns(0)};
    for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
        struct dial d = dialled("these:1", past[i]);
        is(&d, WEFT_LATE);
        assert_int_equal(asked.n, 0);
        d = dialled(text, past[i]);
        is(&d, WEFT_LATE);
        d = (struct dial){.to = text, .by = past[i]};
        ignore(dial(&d)); /* by a thread */
        is(&d, WEFT_LATE);
        asked.n = 0;
    }
    end_all(e, 2);
}

/* Which families were asked, by their ports. */
static void in_order(const int *families, const char *order)
{
    found.n = asked.n = 0;
    for (int i = 0; families[i]; i++)
        add(families[i], 1000 + i);
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_REFUSED);
    assert_int_equal(asked.n, found.n);
    for (int i = 0; i < found.n; i++)
        if (asked.ports[i] != 1000 + order[i] - '0')
            fail_msg("%s: the attempt %d was to the address %d", order, i, asked.ports[i] - 1000);
}

static void the_families_take_turns_each_in_its_order(void **state)
{
    (void)state;
    asked.refuse = true;
    in_order((const int[]){AF_INET6, AF_INET6, AF_INET6, AF_INET, AF_INET, 0}, "03142");
    in_order((const int[]){AF_INET, AF_INET, AF_INET6, AF_INET6, 0}, "0213");
    in_order((const int[]){AF_INET6, AF_INET, AF_INET, AF_INET, 0}, "0123");
    in_order((const int[]){AF_INET, AF_INET, AF_INET, AF_INET6, 0}, "0312");
    in_order((const int[]){AF_INET6, AF_INET6, 0}, "01");
}

/* The same with listeners: the first that answers is the first in turn. */
static void a_silent_v6_is_followed_by_v4(void **state)
{
    (void)state;
    struct end e[2];
    silent(&e[0]);
    good(&e[1]);
    found.n = 0;
    add(AF_INET, e[0].port);
    add(AF_INET, e[0].port);
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0)
        close(probe);
    struct end six;
    if (probe >= 0 && access("/proc/net/if_inet6", R_OK) == 0) {
        listen_at(&six, AF_INET6, 8);
        add(AF_INET6, six.port);
    } else {
        six = e[1];
        add(AF_INET, e[1].port);
    }
    struct dial d = dialled("these:1", weft_in_s(60));
    is(&d, WEFT_OK);
    assert_int_equal(d.port, six.port);
    if (six.fd != e[1].fd) {
        assert_int_equal(asked.ports[1], six.port); /* and not the other IPv4 */
        end_all(&six, 1);
    }
    end_all(e, 2);
}

/* A unix socket without a file, with a backlog of 1 that is full. */
struct crowd {
    int fd, fill[8], filled;
    char to[128];
};

static void crowd(struct crowd *c)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "weft-dial-%d", (int)getpid());
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    snprintf(c->to, sizeof c->to, "unix:@%s", a.sun_path + 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(c->fd, 1), 0);
    for (c->filled = 0; c->filled < 8; c->filled++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (__real_connect(fd, (struct sockaddr *)&a, len) != 0) {
            assert_int_equal(errno, EAGAIN);
            close(fd);
            return;
        }
        c->fill[c->filled] = fd;
    }
    fail_msg("a backlog of 1 is never full");
}

static void end_crowd(struct crowd *c)
{
    for (int i = 0; i < c->filled; i++)
        close(c->fill[i]);
    if (c->fd >= 0)
        close(c->fd);
}

static void a_full_backlog_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    struct crowd c;
    crowd(&c);
    struct dial d = dialled(c.to, weft_in_ms(150));
    is(&d, WEFT_LATE);
    assert_true(d.ended >= d.by.ns);
    assert_non_null(strstr(d.detail, "backlog"));
    assert_non_null(strstr(d.detail, c.to));
    d = dialled(c.to, weft_in_s(-1));
    is(&d, WEFT_LATE);
    d = dialled(c.to, WEFT_NOW);
    is(&d, WEFT_LATE);
    d = (struct dial){.to = c.to, .by = weft_in_ms(20)};
    ignore(dial(&d)); /* by a thread */
    is(&d, WEFT_LATE);
    end_crowd(&c);
}

/* What the dump of the engine says. */
static void note(void *arg, const char *line)
{
    if (strstr(line, "room in a backlog"))
        *(bool *)arg = true;
}

/* Until somebody has been sent away twice; in between it waits, and nobody waits without a name. */
static void await_waiting(void)
{
    bool named = false;
    int64_t until = weft_clock() + 60000 * ms;
    __atomic_store_n(&asked.unix_sockets, 0, __ATOMIC_RELEASE);
    while (__atomic_load_n(&asked.unix_sockets, __ATOMIC_ACQUIRE) < 2 && weft_clock() < until)
        ignore(weft_yield());
    assert_true(__atomic_load_n(&asked.unix_sockets, __ATOMIC_ACQUIRE) >= 2);
    /* The dump reads what others write, which ThreadSanitizer would report. */
    const char *with = getenv("WEFT_TEST_SANITIZE");
    while (!named && !(with && strcmp(with, "thread") == 0) && weft_clock() < until) {
        weft__engine_dump(w, note, &named);
        ignore(weft_yield());
    }
    assert_true(weft_clock() < until);
}

static void a_full_backlog_may_get_room_or_go_away(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct crowd c;
        weft_scope s;
        crowd(&c);
        struct dial d = {.to = c.to, .by = weft_in_s(60)};
        weft_scope_init(&s, weft_pool(w), "dialling");
        ok(weft_go(&s, dial, &d));
        await_waiting();
        if (way == 0)
            close(accept4(c.fd, NULL, NULL, SOCK_CLOEXEC));
        if (way == 1) {
            close(c.fd);
            c.fd = -1;
        }
        if (way == 2)
            weft_scope_cancel(&s);
        ignore(weft_scope_join(&s, weft_in_s(60)));
        weft_scope_fini(&s);
        is(&d, way == 0 ? WEFT_OK : way == 1 ? WEFT_REFUSED : WEFT_CANCELLED);
        end_crowd(&c);
    }
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(after_a_refusal_the_next_is_tried_at_once),
        T(a_silent_one_is_left_aside_after_a_while),
        T(several_silent_ones_are_tried_one_after_the_other),
        T(of_two_that_answer_one_is_closed),
        T(who_was_silent_may_still_answer),
        T(if_all_refuse_the_first_one_is_named),
        T(if_all_are_silent_it_is_late_at_the_deadline),
        T(a_dial_is_cancelled_in_the_middle),
        T(a_deadline_that_has_passed_begins_nothing),
        T(the_families_take_turns_each_in_its_order),
        T(a_silent_v6_is_followed_by_v4),
        T(a_full_backlog_is_waited_for_until_the_deadline),
        T(a_full_backlog_may_get_room_or_go_away),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
