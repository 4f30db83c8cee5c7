/* Descriptors that the program was started with: streams of pipes and terminals, which others share, and files of
 * what cannot be waited for. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "task/fresh.h"
#include "weft/io.h"
#include "weft/stream.h"

static void line_comes(weft_stream *s, const char *line)
{
    char buf[100];
    size_t len = 0;
    /* One that is late would look once more, and find what no event told of. */
    ok(weft_read_until(s, "\n", buf, sizeof buf, &len, WEFT_FOREVER));
    assert_int_equal(len, strlen(line));
    assert_memory_equal(buf, line, len);
}

static void ends(weft_stream **s)
{
    char c;
    size_t got;
    assert_int_equal(weft_read(*s, &c, 1, &got, weft_in_s(20)), WEFT_CLOSED);
    weft_close(s);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static bool blocks(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    assert_true(flags >= 0);
    return !(flags & O_NONBLOCK);
}

/* A terminal; *slave is what a program is started with. */
static int terminal(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(*slave >= 0);
    return master;
}

static void a_terminal_blocks_for_others_as_before(void **state)
{
    (void)state;
    int in, master = terminal(&in), out = dup(in);
    weft_stream *s = NULL;
    ok(weft_stream_adopt(w, &s, in));
    assert_int_equal(weft_stream_fd(s), in);
    assert_false(blocks(in));
    assert_true(blocks(out));
    put(master, "one\ntwo\n");
    line_comes(s, "one\n");
    line_comes(s, "two\n");
    char c;
    size_t got;
    assert_int_equal(weft_read(s, &c, 1, &got, weft_in_ms(5)), WEFT_LATE);
    put(master, "three\n");
    line_comes(s, "three\n");
    put(master, "\x04"); /* the end of what is typed */
    ends(&s);
    assert_true(blocks(out));
    close(out);
    close(master);
}

static void a_terminal_that_hangs_up_has_ended(void **state)
{
    (void)state;
    int in, master = terminal(&in);
    weft_stream *s = NULL;
    ok(weft_stream_adopt(w, &s, in));
    close(master);
    ends(&s);
}

static void the_master_of_a_terminal_stays_the_same(void **state)
{
    (void)state;
    int in, master = terminal(&in);
    char buf[10];
    weft_stream *s = NULL;
    ok(weft_stream_adopt(w, &s, master));
    ok(weft_write(s, "hello\n", 6, weft_in_s(20)));
    assert_int_equal(read(in, buf, sizeof buf), 6);
    assert_memory_equal(buf, "hello\n", 6);
    weft_close(&s);
    close(in);
}

static void a_pipe_blocks_for_others_as_before(void **state)
{
    (void)state;
    int fd[2];
    weft_stream *out = NULL, *in = NULL;
    assert_int_equal(pipe(fd), 0);
    int also_out = dup(fd[0]), also_in = dup(fd[1]);
    put(fd[1], "before\n");
    ok(weft_stream_adopt(w, &out, fd[0]));
    ok(weft_stream_adopt(w, &in, fd[1]));
    assert_false(blocks(fd[0]) || blocks(fd[1]));
    assert_true(blocks(also_out) && blocks(also_in));
    line_comes(out, "before\n");
    ok(weft_write(in, "after\n", 6, weft_in_s(20)));
    line_comes(out, "after\n");
    put(also_in, "by another\n");
    weft_close(&in);
    close(also_in);
    line_comes(out, "by another\n");
    ends(&out);
    close(also_out);
}

/* One that is left alone keeps its number, and what it says of itself. */
static void who_is_refused_has_lost_nothing(void **state)
{
    (void)state;
    int fd[2];
    weft_stream *one = NULL, *two = NULL;
    assert_int_equal(pipe(fd), 0);
    ok(weft_stream_adopt(w, &one, fd[0]));
    assert_int_equal(weft_stream_adopt(w, &two, fd[0]), WEFT_INVALID);
    put(fd[1], "still here\n");
    line_comes(one, "still here\n");
    weft_close(&one);
    close(fd[1]);
}

static void what_is_no_stream_says_what_to_do(void **state)
{
    (void)state;
    static const char *const paths[] = {"/dev/null", "/dev/zero", "/proc/self/status", "/tmp"};
    weft_stream *s = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int fd = open(paths[i], O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(weft_stream_adopt(w, &s, fd), WEFT_INVALID);
        assert_non_null(strstr(weft_detail(), "weft_file_adopt"));
        assert_true(blocks(fd));
        close(fd);
    }
    int packets = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(weft_stream_adopt(w, &s, packets), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "weft_datagram_open"));
    close(packets);
    assert_int_equal(weft_stream_adopt(w, &s, packets), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "not open"));
    assert_null(s);
}

static weft_err reads_all(void *arg)
{
    weft_file *f = arg;
    char buf[16];
    size_t got = 0;
    MUST(weft_file_read(f, buf, 4, &got) == WEFT_OK && got == 4 && memcmp(buf, "cdef", 4) == 0);
    MUST(weft_file_read(f, buf, sizeof buf, &got) == WEFT_OK && got == 2);
    MUST(weft_file_read(f, buf, sizeof buf, &got) == WEFT_OK && got == 0);
    MUST(weft_file_read_at(f, buf, 2, 0, &got) == WEFT_OK && memcmp(buf, "ab", 2) == 0);
    MUST(weft_file_write(f, "x", 1) == WEFT_INVALID); /* it was opened for reading */
    return WEFT_OK;
}

static weft_err appends(void *arg)
{
    weft_file *f = arg;
    size_t got;
    char c;
    MUST(weft_file_write(f, "!", 1) == WEFT_OK);
    MUST(weft_file_write_at(f, "!", 1, 0) == WEFT_INVALID);
    MUST(weft_file_read(f, &c, 1, &got) == WEFT_INVALID);
    return WEFT_OK;
}

static void a_file_goes_on_where_its_descriptor_is(void **state)
{
    (void)state;
    char path[] = "/tmp/weft-input-XXXXXX", two[2];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    put(fd, "abcdefgh");
    close(fd);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, two, 2), 2);
    weft_file *f = NULL;
    ok(weft_file_adopt(w, &f, fd));
    run(reads_all, f);
    weft_file_close(&f);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    ok(weft_file_adopt(w, &f, open(path, O_WRONLY | O_APPEND)));
    run(appends, f);
    weft_file_close(&f);
    unlink(path);
}

static weft_err reads_three(void *arg)
{
    char buf[10];
    size_t got = 0;
    MUST(weft_file_read(arg, buf, sizeof buf, &got) == WEFT_OK && got == 3);
    return WEFT_OK;
}

static void what_blocks_is_a_file_and_what_does_not_is_a_stream(void **state)
{
    (void)state;
    int fd[2], pair[2];
    weft_file *f = NULL;
    assert_int_equal(pipe(fd), 0);
    put(fd[1], "abc");
    ok(weft_file_adopt(w, &f, fd[0]));
    run(reads_three, f);
    weft_file_close(&f);
    assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(weft_file_adopt(w, &f, fd[1]), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "weft_stream_adopt"));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(weft_file_adopt(w, &f, pair[0]), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "weft_stream_adopt"));
    int folder = open("/tmp", O_RDONLY);
    assert_int_equal(weft_file_adopt(w, &f, folder), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "weft_dir_open"));
    close(folder);
    assert_int_equal(weft_file_adopt(w, &f, folder), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "not open"));
    assert_int_equal(weft_file_adopt(w, &f, -1), WEFT_INVALID);
    assert_null(f);
    close(fd[1]);
    close(pair[0]);
    close(pair[1]);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_terminal_blocks_for_others_as_before),
        T(a_terminal_that_hangs_up_has_ended),
        T(the_master_of_a_terminal_stays_the_same),
        T(a_pipe_blocks_for_others_as_before),
        T(who_is_refused_has_lost_nothing),
        T(what_is_no_stream_says_what_to_do),
        T(a_file_goes_on_where_its_descriptor_is),
        T(what_blocks_is_a_file_and_what_does_not_is_a_stream),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
