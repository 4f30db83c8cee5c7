/* What a child inherits where this process has closed its own standard descriptors, or has something else there.
 * ctest: serial */
#include <fcntl.h>

#include "loop/shell.h"

/* A child that says whether its standard input and output are the null device, started while this process has closed those of its
 * own of which `closed` has the bit: the next pipe has their numbers. */
static weft_err inherited(unsigned closed, weft_command c, char *text, size_t cap)
{
    static const char script[] =
        "for i in 0 1; do if test /proc/$$/fd/$i -ef /dev/null; then echo null >&2;"
        " else echo other >&2; fi; done";
    int keep[3];
    weft_process *p;
    weft_process_end end;
    c.err = to_pipe;
    for (int i = 0; i < 3; i++) {
        keep[i] = fcntl(i, F_DUPFD_CLOEXEC, 20);
        if (closed & 1u << i)
            close(i);
    }
    weft_err e = shell(&p, script, c);
    if (e == WEFT_OK) {
        e = read_all(weft_process_err(p), text, cap);
        weft_err f = weft_process_wait(p, &end, weft_in_s(20));
        e = e == WEFT_OK ? f : e;
        weft_process_close(&p);
    }
    for (int i = 0; i < 3; i++) {
        dup2(keep[i], i);
        close(keep[i]);
    }
    return e;
}

static void what_is_closed_is_inherited_as_the_null_device(void **state)
{
    (void)state;
    char text[256];
    fflush(stdout);
    /* An end of the pipe to `out`, and one of that to `in`, has the number of what is inherited. */
    assert_int_equal(inherited(1, (weft_command){.out = to_pipe}, text, sizeof text), WEFT_OK);
    assert_string_equal(text, "null\nother\n");
    assert_int_equal(inherited(2, (weft_command){.in = to_pipe}, text, sizeof text), WEFT_OK);
    assert_string_equal(text, "other\nnull\n");
    assert_int_equal(inherited(3, (weft_command){.in = to_pipe}, text, sizeof text), WEFT_OK);
    assert_string_equal(text, "other\nnull\n");
    assert_int_equal(inherited(7, (weft_command){.out = to_pipe}, text, sizeof text), WEFT_OK);
    assert_string_equal(text, "null\nother\n");
    assert_int_equal(inherited(7, (weft_command){0}, text, sizeof text), WEFT_OK);
    assert_string_equal(text, "null\nnull\n");
    /* One that was asked for by its number has to be there. */
    weft_command same = {.in = {WEFT_STDIO_FD, 0}};
    assert_int_equal(inherited(1, same, text, sizeof text), WEFT_INVALID);
}

/* `fd` in place of standard input, for a child that inherits it. */
static void child_has(int fd, const char *what)
{
    char text[256];
    int keep = fcntl(0, F_DUPFD_CLOEXEC, 20);
    dup3(fd, 0, O_CLOEXEC);
    weft_err e = inherited(0, (weft_command){0}, text, sizeof text);
    dup2(keep, 0);
    close(keep);
    assert_int_equal(e, WEFT_OK);
    if (strncmp(text, what, strlen(what)) != 0)
        fail_msg("not %s: %s", what, text);
}

/* A descriptor 0 that is this process's own business is not the child's; one that was made a stream is. */
static void what_is_closed_on_exec_is_not_inherited(void **state)
{
    (void)state;
    char text[256];
    int fd[2], keep = fcntl(0, F_DUPFD_CLOEXEC, 20);
    weft_stream *s;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    child_has(fd[0], "null\n");
    dup2(fd[0], 0);
    weft_err e = weft_stream_adopt(w, &s, 0), f = WEFT_STALE;
    if (e == WEFT_OK) {
        f = inherited(0, (weft_command){0}, text, sizeof text);
        weft_close(&s);
    }
    dup2(keep, 0);
    close(keep);
    close(fd[0]);
    close(fd[1]);
    assert_int_equal(e, WEFT_OK);
    assert_int_equal(f, WEFT_OK);
    assert_true(strncmp(text, "other\n", 6) == 0);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_closed_is_inherited_as_the_null_device),
        T(what_is_closed_on_exec_is_not_inherited),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
