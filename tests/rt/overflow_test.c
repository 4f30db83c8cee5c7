/* A task that overflows its stack is named before the process dies of it, where that was asked for.
 * Each case is a child of this program. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/child.h"
#include "weft/weft.h"

extern char **environ;
static char *self;
static volatile int depth = 1000000000;

static __attribute__((noinline)) int deep(int n)
{
    volatile char room[500];
    memset((void *)(uintptr_t)room, n, sizeof room);
    return n < depth ? deep(n + 1) + room[n % 500] : 0;
}

static weft_err fall(void *arg)
{
    (void)arg;
    return deep(0) == 1 ? WEFT_SYS : WEFT_OK;
}

static weft_err move_and_fall(void *w)
{
    weft_err e = weft_move(weft_threads(w));
    return e == WEFT_OK ? fall(NULL) : e;
}

#define go(place, fn, arg) go_named((place), (fn), (arg), #fn)

static int go_named(weft_place *place, weft_fn fn, void *arg, const char *name)
{
    weft_scope s;
    weft_scope_init(&s, place, "scope");
    int code = weft_scope_go_at(&s, fn, arg, name, WEFT_HERE) == WEFT_OK &&
               weft_scope_join(&s, weft_in_s(20)) == WEFT_OK;
    weft_scope_fini(&s);
    return code + 10;
}

static int main_falls(weft *w, int argc, char **argv)
{
    (void)w, (void)argc, (void)argv;
    return fall(NULL) == WEFT_OK ? 10 : 11;
}

static int pool_falls(weft *w, int argc, char **argv)
{
    (void)argc, (void)argv;
    return go(weft_pool(w), fall, NULL);
}

static int thread_falls(weft *w, int argc, char **argv)
{
    (void)argc, (void)argv;
    return go(weft_threads(w), fall, NULL);
}

static int moved_falls(weft *w, int argc, char **argv)
{
    (void)argc, (void)argv;
    return go(weft_pool(w), move_and_fall, w);
}

static volatile int *nowhere;

static int null_written(weft *w, int argc, char **argv)
{
    (void)w, (void)argc, (void)argv;
    *nowhere = 1;
    return 10;
}

static void own_handler(int number)
{
    static const char said[] = "the program's own handler\n";
    ssize_t n = write(2, said, sizeof said - 1);
    (void)n;
    _exit(number == SIGSEGV ? 42 : 43);
}

static int started(bool report)
{
    weft *w;
    weft_opts o = WEFT_OPTS_INIT;
    o.stack_size = 65536;
    o.threads = 1;
    o.report_overflow = report;
    return weft_start(&w, &o) == WEFT_OK ? go(weft_pool(w), fall, NULL) : 9;
}

static int child(const char *what, int argc, char **argv)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (strcmp(what, "child-main") == 0)
        return weft_main(argc, argv, NULL, main_falls);
    if (strcmp(what, "child-pool") == 0)
        return weft_main(argc, argv, NULL, pool_falls);
    if (strcmp(what, "child-thread") == 0)
        return weft_main(argc, argv, NULL, thread_falls);
    if (strcmp(what, "child-moved") == 0)
        return weft_main(argc, argv, NULL, moved_falls);
    if (strcmp(what, "child-null") == 0)
        return weft_main(argc, argv, NULL, null_written);
    if (strcmp(what, "child-handler") == 0) {
        struct sigaction own = {.sa_handler = own_handler, .sa_flags = SA_ONSTACK};
        sigaction(SIGSEGV, &own, NULL);
        return weft_main(argc, argv, NULL, pool_falls);
    }
    return started(strcmp(what, "child-asked") == 0);
}

/* What the child `what` says on standard error; *status as of waitpid. */
static const char *run(const char *what, int *status)
{
    static char text[16384];
    *status = run_self(self, what, text, sizeof text);
    return text;
}

/* A sanitizer has a handler of its own, which comes after ours and ends the process its way. */
static bool died(int status)
{
    const char *with = getenv("WEFT_TEST_SANITIZE");
    if (with && with[0])
        return WIFSIGNALED(status) || WEXITSTATUS(status) != 10;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void expect(const char *what, const char *report)
{
    int status;
    const char *said = run(what, &status);
    if (!died(status) || !strstr(said, report))
        fail_msg("%s: status %#x: %s", what, (unsigned)status, said);
}

static void a_task_of_the_pool_is_named_with_the_option(void **state)
{
    (void)state;
    expect("child-pool", "weft: task fall overflowed its stack of 262144 bytes; raise "
                         "weft_opts.stack_size or WEFT_STACK_KIB\n");
    setenv("WEFT_STACK_KIB", "1024", 1);
    expect("child-pool", "weft: task fall overflowed its stack of 1048576 bytes");
    unsetenv("WEFT_STACK_KIB");
}

static void the_first_task_is_named(void **state)
{
    (void)state;
    expect("child-main", "weft: task main overflowed its stack of 8388608 bytes; raise "
                         "weft_opts.large_stack_size\n");
}

static void a_task_of_the_threads_is_named(void **state)
{
    (void)state;
    expect("child-thread", "weft: task fall overflowed its stack of 8388608 bytes");
    expect("child-moved", "weft: task move_and_fall overflowed its stack of 262144 bytes");
}

static void weft_start_reports_when_asked(void **state)
{
    (void)state;
    int status;
    expect("child-asked", "weft: task fall overflowed its stack of 65536 bytes");
    const char *said = run("child-silent", &status);
    assert_true(died(status));
    assert_null(strstr(said, "overflowed its stack"));
}

static void other_faults_are_not_explained(void **state)
{
    (void)state;
    int status;
    const char *said = run("child-null", &status);
    assert_true(died(status));
    assert_null(strstr(said, "overflowed its stack"));
}

static void the_handler_that_was_there_comes_next(void **state)
{
    (void)state;
    int status;
    const char *said = run("child-handler", &status);
    const char *report = strstr(said, "weft: task fall overflowed");
    const char *own = strstr(said, "the program's own handler");
    if (!report || !own || own < report || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
        fail_msg("status %#x: %s", (unsigned)status, said);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_of_the_pool_is_named_with_the_option),
        cmocka_unit_test(the_first_task_is_named),
        cmocka_unit_test(a_task_of_the_threads_is_named),
        cmocka_unit_test(weft_start_reports_when_asked),
        cmocka_unit_test(other_faults_are_not_explained),
        cmocka_unit_test(the_handler_that_was_there_comes_next),
    };
    alarm(100);
    self = argv[0];
    if (argc > 1 && strncmp(argv[1], "child-", 6) == 0)
        return child(argv[1], argc, argv);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
