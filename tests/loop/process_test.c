/* Child processes.
 * ctest: serial wrap=weft__child_signal */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "loop/shell.h"
#include "port/child.h"
#include "port/err.h"
#include "weft/io.h"
#include "weft/sync.h"

/* Signals that are not let through: as to a process of another user, or to one that the system does not let go.
 * The superuser can kill everybody, so that the test has to pretend. */
static int denied, ignored; /* atomic: how many more */

weft_err __real_weft__child_signal(const weft__process *p, int number);
weft_err __wrap_weft__child_signal(const weft__process *p, int number);

static bool one_of(int *left)
{
    if (__atomic_load_n(left, __ATOMIC_RELAXED) == 0)
        return false;
    return __atomic_fetch_sub(left, 1, __ATOMIC_RELAXED) > 0;
}

weft_err __wrap_weft__child_signal(const weft__process *p, int number)
{
    if (one_of(&denied))
        return weft__fail(WEFT_DENIED, "another user's");
    return one_of(&ignored) ? WEFT_OK : __real_weft__child_signal(p, number);
}

static const weft_stdio to_null = {WEFT_STDIO_NULL, 0};

/* What a script prints, and that it ends well. */
static weft_err printed(const char *script, weft_command c, char *text, size_t cap)
{
    weft_process *p;
    weft_process_end end;
    c.out = to_pipe;
    MUST(shell(&p, script, c) == WEFT_OK);
    MUST(read_all(weft_process_out(p), text, cap) == WEFT_OK);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
    MUST(end.code == 0 && end.signal == 0);
    weft_process_close(&p);
    return WEFT_OK;
}

static weft_err end_in_ways(void *arg)
{
    (void)arg;
    weft_process *p;
    weft_process_end end = {0, 0};
    for (int code = 0; code < 256; code += 51) {
        char script[32];
        snprintf(script, sizeof script, "exit %d", code);
        MUST(shell(&p, script, (weft_command){0}) == WEFT_OK);
        MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
        MUST(end.code == code && end.signal == 0);
        end = (weft_process_end){77, 77};
        MUST(weft_process_wait(p, &end, WEFT_NOW) == WEFT_OK); /* the answer stays */
        MUST(end.code == code && end.signal == 0);
        weft_process_close(&p);
        MUST(p == NULL);
    }
    MUST(shell(&p, "kill -USR1 $$", (weft_command){0}) == WEFT_OK);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
    MUST(end.code == -1 && end.signal == SIGUSR1);
    weft_process_close(&p);
    weft_process_close(&p);
    return WEFT_OK;
}

static void how_it_ended_is_told(void **state)
{
    (void)state;
    run(end_in_ways, NULL);
    assert_int_equal(end_in_ways(NULL), WEFT_OK);
}

enum { MUCH = 1024 * 1024 };

static weft_err write_much(void *arg)
{
    weft_process *p = arg;
    static unsigned char text[MUCH];
    for (size_t i = 0; i < MUCH; i++)
        text[i] = (unsigned char)(i * 7 + i / 251);
    weft_err e = weft_write(weft_process_in(p), text, MUCH, weft_in_s(60));
    weft_process_close_in(p);
    return e;
}

static weft_err through_cat(void *arg)
{
    (void)arg;
    static char text[MUCH + 2];
    weft_process *p;
    weft_process_end end;
    weft_scope s;
    const char *argv[] = {"cat", NULL};
    MUST(weft_process_start(w, &p, &(weft_command){.argv = argv, .in = to_pipe, .out = to_pipe}) ==
         WEFT_OK);
    MUST(weft_process_in(p) && weft_process_out(p) && !weft_process_err(p));
    weft_scope_init(&s, weft_pool(w), "writer");
    weft_err e = weft_go(&s, write_much, p);
    if (e == WEFT_OK)
        e = read_all(weft_process_out(p), text, sizeof text);
    weft_err f = weft_scope_join(&s, weft_in_s(60));
    weft_scope_fini(&s);
    MUST(e == WEFT_OK && f == WEFT_OK && !weft_process_in(p));
    for (size_t i = 0; i < MUCH; i++)
        MUST((unsigned char)text[i] == (unsigned char)(i * 7 + i / 251));
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.code == 0);
    weft_process_close(&p);
    return WEFT_OK;
}

static void much_goes_in_and_out_at_once(void **state)
{
    (void)state;
    run(through_cat, NULL);
}

static weft_err wait_late(void *arg)
{
    (void)arg;
    weft_process *p;
    weft_process_end end = {77, 77};
    MUST(shell(&p, "read x; exit 3", (weft_command){.in = to_pipe}) == WEFT_OK);
    MUST(weft_process_wait(p, &end, WEFT_NOW) == WEFT_LATE);
    MUST(weft_process_wait(p, &end, weft_in_ms(20)) == WEFT_LATE);
    MUST(end.code == 77 && end.signal == 77);
    MUST(weft_process_pid(p) > 1 && kill(weft_process_pid(p), 0) == 0);
    weft_process_close_in(p);
    weft_process_close_in(p);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.code == 3);
    weft_process_close(&p);
    return WEFT_OK;
}

static void a_late_wait_can_be_made_again(void **state)
{
    (void)state;
    run(wait_late, NULL);
    assert_int_equal(wait_late(NULL), WEFT_OK);
}

static weft_err kill_some(void *arg)
{
    (void)arg;
    char text[16];
    weft_process *p;
    weft_process_end end;
    const char *argv[] = {"sleep", "1000", NULL};
    const weft_command sleeper = {.argv = argv, .in = to_null};
    MUST(weft_process_start(w, &p, &sleeper) == WEFT_OK);
    MUST(weft_process_kill(p, 12345) == WEFT_INVALID);
    MUST(weft_process_kill(p, 0) == WEFT_OK);
    MUST(weft_process_kill(p, SIGTERM) == WEFT_OK);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
    MUST(end.code == -1 && end.signal == SIGTERM);
    MUST(weft_process_kill(p, SIGTERM) == WEFT_CLOSED);
    weft_process_close(&p);
    /* One that has ended and nobody has waited for. */
    MUST(shell(&p, "exit 0", (weft_command){.out = to_pipe}) == WEFT_OK);
    MUST(read_all(weft_process_out(p), text, sizeof text) == WEFT_OK);
    while (weft_process_kill(p, 0) == WEFT_OK)
        ignore(weft_yield());
    MUST(weft_process_kill(p, SIGTERM) == WEFT_CLOSED);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.code == 0);
    weft_process_close(&p);
    /* Closing kills what runs, and waits for it. */
    MUST(weft_process_start(w, &p, &sleeper) == WEFT_OK);
    int pid = weft_process_pid(p);
    weft_process_close(&p);
    MUST(kill(pid, 0) == -1);
    return WEFT_OK;
}

static void a_process_is_killed_and_nobody_else(void **state)
{
    (void)state;
    run(kill_some, NULL);
    assert_int_equal(kill_some(NULL), WEFT_OK);
}

static weft_err cannot_start(void *arg)
{
    const char *folder = arg;
    weft_process *p = NULL;
    char file[128];
    snprintf(file, sizeof file, "%s/text", folder);
    const char *missing[] = {"weft-no-such-program", NULL}, *gone[] = {"/nowhere/at/all", NULL};
    const char *text[] = {file, NULL}, *dir[] = {folder, NULL}, *none[] = {NULL},
               *empty[] = {"", NULL};
    const char *yes[] = {"true", NULL};
#define START(...) weft_process_start(w, &p, &(weft_command){__VA_ARGS__})
    MUST(START(.argv = missing, .in = to_pipe, .out = to_pipe) == WEFT_MISSING);
    MUST(strstr(weft_detail(), "weft-no-such-program"));
    MUST(START(.argv = gone) == WEFT_MISSING);
    MUST(strstr(weft_detail(), "/nowhere/at/all"));
    MUST(START(.argv = yes, .dir = "/nowhere/at/all") == WEFT_MISSING);
    MUST(strstr(weft_detail(), "/nowhere/at/all"));
    MUST(START(.argv = text) == WEFT_DENIED);
    MUST(chmod(file, 0700) == 0);
    MUST(START(.argv = text) == WEFT_INVALID); /* now it may be run, and is no program */
    MUST(START(.argv = dir) == WEFT_DENIED);
    MUST(START(.argv = none) == WEFT_INVALID);
    MUST(START(.argv = empty) == WEFT_INVALID);
    MUST(START(.argv = NULL) == WEFT_INVALID);
    MUST(START(.argv = yes, .in = {WEFT_STDIO_FD, -1}) == WEFT_INVALID);
    MUST(START(.argv = yes, .in = {WEFT_STDIO_FD, 999}) == WEFT_INVALID);
    MUST(START(.argv = yes, .out = {WEFT_STDIO_OUT, 0}) == WEFT_INVALID);
    MUST(START(.argv = yes, .out = {(weft_stdio_kind)9, 0}, .in = to_pipe) == WEFT_INVALID);
    MUST(p == NULL);
    return WEFT_OK;
}

static int open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void what_cannot_be_run_is_an_error_of_the_start(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-process-XXXXXX", line[128];
    assert_non_null(mkdtemp(folder));
    snprintf(line, sizeof line, "echo nothing to run > %s/text", folder);
    assert_int_equal(system(line), 0);
    int before = open_files();
    run(cannot_start, folder);
    assert_int_equal(open_files(), before);
    snprintf(line, sizeof line, "rm -r %s", folder);
    assert_int_equal(system(line), 0);
}

static weft_err list_descriptors(void *arg)
{
    (void)arg;
    char text[256];
    weft_err e = printed("exec ls /proc/self/fd", (weft_command){.in = to_pipe, .err = to_pipe},
                         text, sizeof text);
    MUST(e == WEFT_OK);
    MUST(strcmp(text, "0\n1\n2\n3\n") == 0); /* the last is the list's own */
    return WEFT_OK;
}

static void a_child_has_no_descriptors_but_three(void **state)
{
    (void)state;
    /* These are not closed on exec by themselves. */
    assert_int_equal(dup2(0, 50), 50);
    assert_int_equal(dup2(0, 90), 90);
    run(list_descriptors, NULL);
    close(50);
    close(90);
}

static weft_err use_options(void *arg)
{
    (void)arg;
    char text[256];
    const char *env[] = {"A=b c", NULL};
    weft_command c = {.env = env, .dir = "/proc/self"};
    MUST(printed("/usr/bin/env | grep ^A=; echo $((1 + 1)); test -e status && echo there", c, text,
                 sizeof text) == WEFT_OK);
    MUST(strcmp(text, "A=b c\n2\nthere\n") == 0);
    c = (weft_command){.err = {WEFT_STDIO_OUT, 0}};
    MUST(printed("echo one; echo two >&2; echo three", c, text, sizeof text) == WEFT_OK);
    MUST(strcmp(text, "one\ntwo\nthree\n") == 0);
    c = (weft_command){.in = to_null};
    MUST(printed("cat; echo end", c, text, sizeof text) == WEFT_OK);
    MUST(strcmp(text, "end\n") == 0);
    c = (weft_command){.dir = "/bin"};
    const char *here[] = {"./sh", "-c", "exit 5", NULL};
    weft_process *p;
    weft_process_end end;
    c.argv = here;
    MUST(weft_process_start(w, &p, &c) == WEFT_OK); /* found where it starts */
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK && end.code == 5);
    weft_process_close(&p);
    return WEFT_OK;
}

static void environment_directory_and_descriptors_are_as_asked(void **state)
{
    (void)state;
    run(use_options, NULL);
}

/* Descriptors of this process that have the numbers of the child's. */
static void own_descriptors_change_places(void **state)
{
    (void)state;
    char text[3][64] = {"", "", ""};
    int keep[3], out[2][2];
    weft_process *p;
    weft_process_end end;
    fflush(stdout);
    for (int i = 0; i < 3; i++)
        keep[i] = fcntl(i, F_DUPFD_CLOEXEC, 20);
    assert_int_equal(pipe2(out[0], O_CLOEXEC) | pipe2(out[1], O_CLOEXEC), 0);
    dup2(out[0][1], 1);
    dup2(out[1][1], 2);
    close(0); /* the child gets the null device instead */
    weft_command c = {.out = {WEFT_STDIO_FD, 2}, .err = {WEFT_STDIO_FD, 1}};
    weft_err e = shell(&p, "cat; echo one; echo two >&2", c);
    weft_err waited = e == WEFT_OK ? weft_process_wait(p, &end, weft_in_s(20)) : e;
    if (e == WEFT_OK)
        weft_process_close(&p); /* which may have the number 0 by now */
    for (int i = 0; i < 3; i++) {
        dup2(keep[i], i);
        close(keep[i]);
    }
    assert_int_equal(e, WEFT_OK);
    assert_int_equal(waited, WEFT_OK);
    assert_int_equal(end.code, 0);
    for (int i = 0; i < 2; i++) {
        close(out[i][1]);
        assert_true(read(out[i][0], text[i], sizeof text[i] - 1) > 0);
        close(out[i][0]);
    }
    assert_string_equal(text[0], "two\n");
    assert_string_equal(text[1], "one\n");
}

static weft_err look_at_signals(void *arg)
{
    (void)arg;
    char text[256];
    const char zero[] = "0000000000000000";
    MUST(printed("exec grep -E 'SigBlk|SigIgn' /proc/self/status", (weft_command){0}, text,
                 sizeof text) == WEFT_OK);
    int n = 0;
    for (const char *at = text; (at = strstr(at, zero)); at += sizeof zero - 1)
        n++;
    if (n != 2)
        return weft__fail(WEFT_STALE, "%s", text);
    return WEFT_OK;
}

static void a_child_starts_with_signals_at_their_defaults(void **state)
{
    (void)state;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    run(look_at_signals, NULL);
    weft_err e = look_at_signals(NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(e, WEFT_OK);
}

static weft_err write_to_the_dead(void *arg)
{
    (void)arg;
    weft_process *p;
    weft_process_end end;
    MUST(shell(&p, "exit 0", (weft_command){.in = to_pipe}) == WEFT_OK);
    MUST(weft_process_wait(p, &end, weft_in_s(20)) == WEFT_OK);
    MUST(weft_write(weft_process_in(p), "x", 1, weft_in_s(20)) == WEFT_CLOSED);
    weft_process_close(&p);
    return WEFT_OK;
}

static void a_pipe_to_who_has_ended_is_closed_without_a_signal(void **state)
{
    (void)state;
    sigset_t waiting;
    run(write_to_the_dead, NULL);
    assert_int_equal(write_to_the_dead(NULL), WEFT_OK); /* SIGPIPE would end this process */
    sigpending(&waiting);
    assert_int_equal(sigismember(&waiting, SIGPIPE), 0);
}

enum { CHILDREN = 100 };

static weft_err start_one(void *arg)
{
    int number = *(int *)arg;
    char script[64], text[16];
    weft_process *p;
    weft_process_end end;
    size_t got;
    snprintf(script, sizeof script, "read x; echo $x; exit %d", number);
    MUST(shell(&p, script, (weft_command){.in = to_pipe, .out = to_pipe}) == WEFT_OK);
    MUST(weft_write(weft_process_in(p), "hello\n", 6, weft_in_s(60)) == WEFT_OK);
    MUST(weft_read(weft_process_out(p), text, sizeof text, &got, weft_in_s(60)) == WEFT_OK);
    MUST(got == 6 && memcmp(text, "hello\n", 6) == 0);
    MUST(weft_process_wait(p, &end, weft_in_s(60)) == WEFT_OK && end.code == number);
    weft_process_close(&p);
    return WEFT_OK;
}

static void a_hundred_children_run_at_once(void **state)
{
    (void)state;
    int numbers[CHILDREN];
    weft_scope s;
    int before = open_files();
    weft_scope_init(&s, weft_pool(w), "children");
    for (int i = 0; i < CHILDREN; i++) {
        numbers[i] = i;
        assert_int_equal(weft_go(&s, start_one, &numbers[i]), WEFT_OK);
    }
    weft_err e = weft_scope_join(&s, weft_in_s(90));
    if (e != WEFT_OK)
        printf("%s\n", weft_detail());
    weft_scope_fini(&s);
    assert_int_equal(e, WEFT_OK);
    assert_int_equal(open_files(), before);
}

/* A wait, as a task. */
struct waiting {
    weft_process *p;
    weft_process_end end;
    weft_err result, started;
};

static weft_err wait_forever(void *arg)
{
    struct waiting *x = arg;
    do {
        x->result = weft_process_wait(x->p, &x->end, WEFT_FOREVER);
    } while (x->result == WEFT_INVALID); /* who looks whether it waits was inside */
    if (x->result != WEFT_CANCELLED)
        return WEFT_OK;
    weft_process *none = NULL;
    x->started = shell(&none, "exit 0", (weft_command){0});
    return none ? WEFT_STALE : WEFT_OK;
}

static void wait_in_task(weft_scope *s, struct waiting *x)
{
    weft_process_end end;
    const char *argv[] = {"sleep", "1000", NULL};
    *x = (struct waiting){.result = WEFT_STALE};
    assert_int_equal(weft_process_start(w, &x->p, &(weft_command){.argv = argv}), WEFT_OK);
    weft_scope_init(s, weft_pool(w), "waiting");
    assert_int_equal(weft_go(s, wait_forever, x), WEFT_OK);
    while (weft_process_wait(x->p, &end, WEFT_NOW) == WEFT_LATE)
        ignore(weft_yield());
    assert_int_equal(weft_process_wait(x->p, &end, WEFT_NOW), WEFT_INVALID);
}

static void a_cancelled_wait_leaves_the_process_alone(void **state)
{
    (void)state;
    struct waiting x;
    weft_scope s;
    weft_process_end end;
    wait_in_task(&s, &x);
    weft_scope_fini(&s);
    assert_int_equal(x.result, WEFT_CANCELLED);
    assert_int_equal(x.started, WEFT_CANCELLED);
    assert_int_equal(weft_process_wait(x.p, &end, WEFT_NOW), WEFT_LATE);
    assert_int_equal(weft_process_kill(x.p, SIGKILL), WEFT_OK);
    assert_int_equal(weft_process_wait(x.p, &end, weft_in_s(20)), WEFT_OK);
    assert_int_equal(end.signal, SIGKILL);
    weft_process_close(&x.p);
}

static weft_err close_in_task(void *arg)
{
    struct waiting *x = arg;
    while (!weft_cancelled())
        ignore(weft_yield());
    weft_process_close(&x->p);
    return WEFT_OK;
}

static void close_lets_the_waiter_go_and_is_not_cancelled(void **state)
{
    (void)state;
    struct waiting x;
    weft_scope s, t;
    wait_in_task(&s, &x);
    int pid = weft_process_pid(x.p);
    weft_scope_init(&t, weft_pool(w), "closing");
    assert_int_equal(weft_go(&t, close_in_task, &x), WEFT_OK);
    weft_scope_cancel(&t);
    assert_int_equal(weft_scope_join(&t, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&t);
    assert_null(x.p);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(x.result, WEFT_OK);
    assert_int_equal(x.end.signal, SIGKILL);
}

static weft_err start_without_descriptors(void *arg)
{
    const struct rlimit *before = arg;
    int before_files = open_files(), free = dup(0);
    close(free);
    /* With no more than `n` descriptors, whatever step of the start is short of one. */
    weft_err last = WEFT_STALE;
    for (int n = 0; n < 30; n++) {
        weft_process *p = NULL;
        struct rlimit few = {(rlim_t)(free + n), before->rlim_max};
        weft_command c = {.in = to_pipe, .out = to_pipe, .err = to_pipe};
        setrlimit(RLIMIT_NOFILE, &few);
        weft_err e = shell(&p, "exit 0", c);
        bool said = strstr(weft_detail(), "ulimit -n") != NULL;
        setrlimit(RLIMIT_NOFILE, before);
        if (e == WEFT_OK)
            weft_process_close(&p);
        MUST(e == WEFT_OK || (e == WEFT_NOMEM && said && !p && last != WEFT_OK));
        MUST(n < 7 ? e == WEFT_NOMEM : true); /* three pipes and the process */
        MUST(open_files() == before_files);
        last = e;
    }
    MUST(last == WEFT_OK);
    return WEFT_OK;
}

static void running_out_of_descriptors_starts_nothing(void **state)
{
    (void)state;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    run(start_without_descriptors, &before);
}

static void an_end_that_others_took_is_said(void **state)
{
    (void)state;
    weft_process *p = NULL;
    weft_process_end end;
    signal(SIGCHLD, SIG_IGN);
    /* It may be gone before the start has looked. */
    weft_err started = shell(&p, "exit 0", (weft_command){0}), once = started, again = started;
    if (started == WEFT_OK) {
        once = weft_process_wait(p, &end, weft_in_s(20));
        again = weft_process_wait(p, &end, WEFT_NOW);
    }
    bool said = strstr(weft_detail(), "SIGCHLD") != NULL;
    weft_process_close(&p);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(once, WEFT_LOST);
    assert_int_equal(again, WEFT_LOST);
    assert_true(said);
}

/* What the log says of processes. */
struct said {
    int lines;
    char text[512];
};

static void hear(void *ctx, weft_level level, const char *text)
{
    struct said *s = ctx;
    if (level == WEFT_LOG_WARN)
        s->lines++;
    snprintf(s->text, sizeof s->text, "%s", text);
}

static void listen_to(struct said *s)
{
    w->log.fn = hear;
    w->log.ctx = s;
    w->log.level = WEFT_LOG_WARN;
}

static int own_group; /* whether what does not die leads one */

static weft_err close_what_does_not_die(void *arg)
{
    weft_process *p;
    const char *argv[] = {"sleep", "1000", NULL};
    weft_command c = {.argv = argv, .own_group = own_group};
    MUST(weft_process_start(w, &p, &c) == WEFT_OK);
    int pid = *(int *)arg = weft_process_pid(p);
    weft_process_close(&p);
    MUST(kill(pid, 0) == -1);
    return WEFT_OK;
}

/* Some kills are in vain: the close says whom it waits for, once, and kills again. */
static void a_close_that_waits_names_the_process_and_why(void **state)
{
    (void)state;
    struct said s = {0};
    int pid;
    char name[32];
    listen_to(&s);
    denied = 3;
    run(close_what_does_not_die, &pid);
    snprintf(name, sizeof name, "process %d", pid);
    assert_int_equal(s.lines, 1);
    assert_non_null(strstr(s.text, name));
    assert_non_null(strstr(s.text, "another user's"));
    ignored = 2;
    assert_int_equal(close_what_does_not_die(&pid), WEFT_OK); /* by a thread */
    assert_int_equal(s.lines, 2);
    assert_non_null(strstr(s.text, "operating system"));
    run(close_what_does_not_die, &pid); /* one that dies at once */
    assert_int_equal(denied + ignored, 0);
}

static void so_does_a_close_of_a_group(void **state)
{
    (void)state;
    struct said s = {0};
    int pid;
    listen_to(&s);
    ignored = 2;
    own_group = 1;
    run(close_what_does_not_die, &pid);
    own_group = 0;
    assert_int_equal(s.lines, 1);
    assert_non_null(strstr(s.text, "operating system"));
    assert_int_equal(ignored, 0);
}

static void it_does_so_too_while_somebody_waits_for_the_end(void **state)
{
    (void)state;
    struct said s = {0};
    struct waiting x;
    weft_scope scope;
    listen_to(&s);
    wait_in_task(&scope, &x);
    denied = 2;
    weft_process_close(&x.p);
    assert_int_equal(weft_scope_join(&scope, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&scope);
    assert_int_equal(x.result, WEFT_OK);
    assert_int_equal(s.lines, 1);
    assert_non_null(strstr(s.text, "another user's"));
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_children)
    const struct CMUnitTest tests[] = {
        T(how_it_ended_is_told),
        T(much_goes_in_and_out_at_once),
        T(a_late_wait_can_be_made_again),
        T(a_process_is_killed_and_nobody_else),
        T(what_cannot_be_run_is_an_error_of_the_start),
        T(a_child_has_no_descriptors_but_three),
        T(environment_directory_and_descriptors_are_as_asked),
        T(own_descriptors_change_places),
        T(a_child_starts_with_signals_at_their_defaults),
        T(a_pipe_to_who_has_ended_is_closed_without_a_signal),
        T(a_hundred_children_run_at_once),
        T(a_cancelled_wait_leaves_the_process_alone),
        T(close_lets_the_waiter_go_and_is_not_cancelled),
        T(running_out_of_descriptors_starts_nothing),
        T(an_end_that_others_took_is_said),
        T(a_close_that_waits_names_the_process_and_why),
        T(so_does_a_close_of_a_group),
        T(it_does_so_too_while_somebody_waits_for_the_end),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
