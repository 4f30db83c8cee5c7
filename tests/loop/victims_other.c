/* Victims that wait for everything else: datagrams, signals, calls that block, time, names, files, processes. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/victim.h"
#include "weft/io.h"

enum { ENTRIES = 5 };

/* Datagrams have numbers: none is lost, and none comes twice. */

static void name_one(struct victim *v, char *name, size_t room)
{
    snprintf(name, room, "unix:@weft-victim-d-%d-%d", (int)getpid(), v->number);
}

static void open_datagrams(struct victim *v)
{
    char name[64];
    name_one(v, name, sizeof name);
    v->sort = (int)victim_pick(v, 2);
    victim_ok(v, weft_datagram_open(v->w, &v->d[0], v->sort ? name : "127.0.0.1:0"));
    victim_ok(v, weft_datagram_open(v->w, &v->d[1], NULL));
}

static weft_err receive_one(struct victim *v)
{
    size_t n = 0, len = 0;
    weft_err e = weft_datagram_receive(v->d[0], &n, sizeof n, &len, NULL, WEFT_FOREVER);
    if (e == WEFT_OK && (len != sizeof n || n != v->taken))
        VICTIM_FAULT(v, "datagram %zu came as number %zu", n, v->taken);
    if (e == WEFT_OK)
        v->taken++;
    return e;
}

static void send_one(struct victim *v)
{
    weft_address to;
    weft_datagram_address(v->d[0], &to);
    weft_err e = weft_datagram_send(v->d[1], &v->given, sizeof v->given, &to, WEFT_NOW);
    assert_true(e == WEFT_OK || e == WEFT_LATE);
    v->given += e == WEFT_OK;
}

static bool receive_now(struct victim *v)
{
    size_t n, len;
    weft_err e = weft_datagram_receive(v->d[0], &n, sizeof n, &len, NULL, WEFT_NOW);
    if (e == WEFT_LATE)
        return false;
    victim_ok(v, e);
    assert_int_equal(n, v->taken);
    v->taken++;
    return true;
}

static void receive_the_rest(struct victim *v)
{
    while (receive_now(v))
        ;
    if (v->taken != v->given)
        fail_msg("%s: %zu of %zu datagrams came", v->kind->name, v->taken, v->given);
    weft_datagram_close(&v->d[0]);
    weft_datagram_close(&v->d[1]);
}

static void open_full_receiver(struct victim *v)
{
    char name[64];
    name_one(v, name, sizeof name);
    victim_ok(v, weft_datagram_open(v->w, &v->d[0], name));
    victim_ok(v, weft_datagram_open(v->w, &v->d[1], NULL));
    for (size_t before = SIZE_MAX; before != v->given;) {
        before = v->given;
        send_one(v);
    }
}

static weft_err send_more(struct victim *v)
{
    weft_address to;
    weft_datagram_address(v->d[0], &to);
    weft_err e = weft_datagram_send(v->d[1], &v->given, sizeof v->given, &to, WEFT_FOREVER);
    v->given += e == WEFT_OK;
    return e;
}

static void receive_a_few(struct victim *v)
{
    for (size_t n = 1 + victim_pick(v, 3); n > 0; n--)
        (void)receive_now(v);
}

/* Signals are counted. Queued ones, so that the system makes none of several. */

static int signal_of(const struct victim *v)
{
    return SIGRTMIN + 1 + v->number;
}

static void open_signals(struct victim *v)
{
    victim_ok(v, weft_signals_open(v->w, &v->signals, (const int[]){signal_of(v)}, 1));
}

static weft_err await_signal(struct victim *v)
{
    int number = 0;
    weft_err e = weft_signals_next(v->signals, &number, WEFT_FOREVER);
    if (e == WEFT_OK && number != signal_of(v))
        VICTIM_FAULT(v, "signal %d came", number);
    v->taken += e == WEFT_OK;
    return e;
}

static void raise_signal(struct victim *v)
{
    raise(signal_of(v));
    v->given++;
}

static void take_signals(struct victim *v)
{
    int number;
    while (weft_signals_next(v->signals, &number, WEFT_NOW) == WEFT_OK)
        v->taken++;
#if !defined(WEFT__TSAN) /* which delivers them when it likes */
    assert_int_equal(v->taken, v->given);
#endif
    weft_signals_close(&v->signals);
}

/* A call that blocks is waited for once it has begun, and then its result is the victim's. */

static weft_err block(void *arg)
{
    struct victim *v = arg;
    v->given++;
    if (victim_chance(v, 2))
        usleep((useconds_t)victim_chance(v, 100));
    return WEFT_OK;
}

static weft_err call_block(struct victim *v)
{
    weft_err e = weft_blocking(v->w, block, v);
    v->taken += e == WEFT_OK;
    return e;
}

static void nothing(struct victim *v)
{
    (void)v;
}

static void all_were_told(struct victim *v)
{
    assert_int_equal(v->taken, v->given);
}

/* Time: a tick that was not had is still to come. */

static void start_ticker(struct victim *v)
{
    weft_deadline first = weft_in_us((int64_t)victim_pick(v, 100));
    v->first = first.ns;
    weft_ticker_init(&v->tick, 20000, first);
}

static weft_err await_time(struct victim *v)
{
    uint64_t missed = 0;
    if (victim_chance(v, 2)) {
        weft_deadline by = weft_in_us((int64_t)victim_chance(v, 100));
        weft_err e = weft_sleep(by);
        if (e == WEFT_OK && weft_clock() < by.ns)
            VICTIM_FAULT(v, "it slept too little");
        return e;
    }
    weft_err e = weft_ticker_wait(&v->tick, &missed, WEFT_FOREVER);
    if (e == WEFT_OK)
        v->taken += 1 + missed;
    return e;
}

static void count_ticks(struct victim *v)
{
    assert_int_equal(v->tick.next, v->first + 20000 * (int64_t)v->taken);
}

/* Names: cancel_test.c answers slowly. */

static weft_err resolve_slowly(struct victim *v)
{
    weft_address a[4];
    int n = 0;
    weft_err e = weft_resolve(v->w, "fake-slow:80", a, 4, &n, WEFT_FOREVER);
    if (e == WEFT_OK && n != 2)
        VICTIM_FAULT(v, "%d addresses were found", n);
    return e;
}

/* Files: each record that was written is there, and no other. */

static char folder[] = "/tmp/weft-victims-XXXXXX";

void victims_prepare(void)
{
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < ENTRIES; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%d", folder, i);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    victims_open_full();
}

static int entries_of(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *x; (x = readdir(d));)
        n += x->d_name[0] != '.';
    closedir(d);
    return n;
}

int victim_descriptors(void)
{
    return entries_of("/proc/self/fd");
}

int victim_threads(void)
{
    return entries_of("/proc/self/task");
}

void victims_clean(void)
{
    for (int i = 0; i < ENTRIES; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%d", folder, i);
        unlink(path);
    }
    rmdir(folder);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    victims_close_full();
}

static void open_file(struct victim *v)
{
    snprintf(v->at, sizeof v->at, "%s-file-%d", folder, v->number);
    victim_ok(v, weft_file_open_as(v->w, &v->f, v->at,
                                   WEFT_FILE_READ | WEFT_FILE_WRITE | WEFT_FILE_CREATE |
                                       WEFT_FILE_EXCLUSIVE | WEFT_FILE_APPEND));
    unlink(v->at);
}

static weft_err use_file(struct victim *v)
{
    size_t n = 0, got = 0, at = v->given ? victim_chance(v, v->given) : 0;
    weft_err e;
    if (v->given == 0 || victim_chance(v, 2)) {
        e = weft_file_write(v->f, &v->given, sizeof v->given);
        v->given += e == WEFT_OK;
        return e;
    }
    e = weft_file_read_at(v->f, &n, sizeof n, at * sizeof n, &got);
    if (e == WEFT_OK && (got != sizeof n || n != at))
        VICTIM_FAULT(v, "record %zu is %zu", at, n);
    return e;
}

static void read_file(struct victim *v)
{
    uint64_t size = 0;
    size_t n, got;
    victim_ok(v, weft_file_size(v->f, &size));
    assert_int_equal(size, v->given * sizeof n);
    for (size_t i = 0; i < v->given; i++) {
        victim_ok(v, weft_file_read_at(v->f, &n, sizeof n, i * sizeof n, &got));
        assert_int_equal(n, i);
    }
    weft_file_close(&v->f);
}

/* Directories: each entry comes once. And files that are opened are closed. */

static void open_dir(struct victim *v)
{
    victim_ok(v, weft_dir_open(v->w, &v->dir, folder));
}

static weft_err read_dir(struct victim *v)
{
    weft_dir_entry x;
    weft_file *f;
    if (victim_chance(v, 2)) {
        char path[64];
        snprintf(path, sizeof path, "%s/0", folder);
        weft_err e = weft_file_open(v->w, &f, path);
        if (e == WEFT_OK)
            weft_file_close(&f);
        return e;
    }
    weft_err e = weft_dir_next(v->dir, &x);
    v->taken += e == WEFT_OK;
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static void read_dir_to_its_end(struct victim *v)
{
    weft_dir_entry x;
    weft_err e;
    while ((e = weft_dir_next(v->dir, &x)) == WEFT_OK)
        v->taken++;
    assert_int_equal(e, WEFT_CLOSED);
    assert_int_equal(v->taken, ENTRIES);
    weft_dir_close(&v->dir);
}

const victim_kind victims_of_others[] = {
    {"receives", open_datagrams, receive_one, send_one, receive_the_rest},
    {"sends", open_full_receiver, send_more, receive_a_few, receive_the_rest},
    {"awaits a signal", open_signals, await_signal, raise_signal, take_signals},
    {"blocks", nothing, call_block, nothing, all_were_told},
    {"sleeps", start_ticker, await_time, nothing, count_ticks},
    {"resolves", nothing, resolve_slowly, nothing, nothing},
    {"uses a file", open_file, use_file, nothing, read_file},
    {"reads a directory", open_dir, read_dir, nothing, read_dir_to_its_end},
};
const size_t victims_of_others_n = sizeof victims_of_others / sizeof *victims_of_others;

/* Processes: an end that was not had can still be asked for; a start that was cancelled leaves nothing. */

static weft_err start_cat(weft *w, weft_process **p)
{
    static const char *const argv[] = {"cat", NULL};
    const weft_command c = {
        .argv = argv, .in = {.kind = WEFT_STDIO_PIPE}, .out = {.kind = WEFT_STDIO_NULL}};
    return weft_process_start(w, p, &c);
}

static void open_process(struct victim *v)
{
    victim_ok(v, start_cat(v->w, &v->p));
}

static weft_err await_process(struct victim *v)
{
    weft_process_end end = {.code = -7};
    weft_err e = weft_process_wait(v->p, &end, WEFT_FOREVER);
    if (e == WEFT_OK && end.code != 0)
        VICTIM_FAULT(v, "it ended with %d", end.code);
    return e;
}

static void end_process(struct victim *v)
{
    weft_process_close_in(v->p);
}

static void judge_process(struct victim *v)
{
    weft_process_end end;
    weft_process_close_in(v->p);
    victim_ok(v, weft_process_wait(v->p, &end, weft_in_s(60)));
    assert_int_equal(end.code, 0);
    weft_process_close(&v->p);
}

static weft_err start_process(struct victim *v)
{
    weft_process *p = NULL;
    weft_err e = start_cat(v->w, &p);
    if ((e == WEFT_OK) != (p != NULL))
        VICTIM_FAULT(v, "%s, and a process", weft_strerror(e));
    weft_process_close(&p);
    return e;
}

const victim_kind victims_of_processes[] = {
    {"awaits a process", open_process, await_process, end_process, judge_process},
    {"starts a process", nothing, start_process, nothing, nothing},
};
const size_t victims_of_processes_n = sizeof victims_of_processes / sizeof *victims_of_processes;
