/* The file of a unix socket: one that was left behind is replaced, any other stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/net_error.h"
#include "port/socket_file.h"

static char folder[64], path[96];
static weft_address at;

static int setup(void **state)
{
    char text[128];
    (void)state;
    strcpy(folder, "/tmp/weft-socket-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(text, sizeof text, "unix:%s", path);
    return weft_address_parse(&at, text) == WEFT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int new_socket(int type)
{
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

/* What binding a socket of `type` comes to. */
static int tried(int type)
{
    int fd = new_socket(type), number = weft__socket_file_bind(fd, &at);
    close(fd);
    return number;
}

static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

static void a_file_that_was_left_behind_is_replaced(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++)
        for (int next = 0; next < 2; next++) {
            unlink(path);
            assert_int_equal(tried(types[left]), 0);
            assert_int_equal(access(path, F_OK), 0);
            assert_int_equal(tried(types[next]), 0);
        }
}

static void the_file_of_one_that_lives_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        unlink(path);
        int fd = new_socket(types[i]); /* a stream that does not listen yet */
        assert_int_equal(weft__socket_file_bind(fd, &at), 0);
        assert_int_equal(tried(SOCK_STREAM), EADDRINUSE);
        assert_int_equal(tried(SOCK_DGRAM), EADDRINUSE);
        close(fd);
    }
}

static void who_listens_hears_nothing_of_it(void **state)
{
    (void)state;
    int fd = new_socket(SOCK_STREAM);
    assert_int_equal(weft__socket_file_bind(fd, &at), 0);
    assert_int_equal(listen(fd, 1), 0);
    for (int i = 0; i < 5; i++) /* more than its backlog has room for */
        assert_int_equal(tried(SOCK_STREAM), EADDRINUSE);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

static void what_is_no_socket_stays(void **state)
{
    (void)state;
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(tried(SOCK_STREAM), EADDRINUSE);
    assert_int_equal(weft__socket_file_node(&at), 0);
    weft__socket_file_remove(&at, 0);
    assert_int_equal(access(path, F_OK), 0);
}

static void a_successor_s_file_is_not_removed(void **state)
{
    (void)state;
    int first = new_socket(SOCK_STREAM), second = new_socket(SOCK_STREAM);
    assert_int_equal(weft__socket_file_bind(first, &at), 0);
    uint64_t node = weft__socket_file_node(&at);
    char aside[128];
    snprintf(aside, sizeof aside, "%s.old", path);
    assert_int_not_equal(node, 0);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(weft__socket_file_bind(second, &at), 0);
    weft__socket_file_remove(&at, node);
    assert_int_equal(access(path, F_OK), 0);
    weft__socket_file_remove(&at, weft__socket_file_node(&at));
    assert_int_equal(access(path, F_OK), -1);
    unlink(aside);
    close(first);
    close(second);
}

enum { AT_ONCE = 4, ROUNDS = 300 };

struct at_once {
    pthread_barrier_t *all;
    int fd, number;
};

static void *binds(void *arg)
{
    struct at_once *x = arg;
    pthread_barrier_wait(x->all);
    x->number = weft__socket_file_bind(x->fd, &at);
    return NULL;
}

/* Several replace the same file at once: one of them is there afterwards, and the others know that they are not. */
static void of_several_one_replaces_it(void **state)
{
    (void)state;
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, AT_ONCE);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[AT_ONCE];
        struct at_once x[AT_ONCE];
        int there = 0;
        unlink(path);
        assert_int_equal(tried(SOCK_STREAM), 0); /* left behind */
        for (int i = 0; i < AT_ONCE; i++) {
            x[i] = (struct at_once){&all, new_socket(SOCK_STREAM), -1};
            assert_int_equal(pthread_create(&thread[i], NULL, binds, &x[i]), 0);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            assert_int_equal(pthread_join(thread[i], NULL), 0);
            there += x[i].number == 0;
            assert_true(x[i].number == 0 || x[i].number == EADDRINUSE);
        }
        assert_int_equal(there, 1);
        for (int i = 0; i < AT_ONCE; i++)
            close(x[i].fd);
    }
    pthread_barrier_destroy(&all);
}

static void a_folder_that_a_stranger_locks_holds_nobody_up(void **state)
{
    (void)state;
    int stranger = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(stranger, LOCK_EX), 0);
    assert_int_equal(tried(SOCK_STREAM), 0);
    assert_int_equal(tried(SOCK_STREAM), EWOULDBLOCK); /* after a while */
    assert_int_equal(weft__bind_error(EWOULDBLOCK, "listen", &at), WEFT_INUSE);
    assert_non_null(strstr(weft_detail(), "locked its folder"));
    close(stranger);
    assert_int_equal(tried(SOCK_STREAM), 0);
}

static void the_address_says_more_about_it(void **state)
{
    (void)state;
    weft_address a;
    assert_int_equal(weft_address_parse(&a, "127.0.0.1:80"), WEFT_OK);
    assert_int_equal(weft__net_error(EACCES, "dial", &a), WEFT_DENIED);
    assert_null(strstr(weft_detail(), "below 1024"));
    assert_int_equal(weft__bind_error(EACCES, "listen", &a), WEFT_DENIED);
    assert_non_null(
        strstr(weft_detail(), "listen: 127.0.0.1:80: Permission denied; a port below 1024"));
    assert_int_equal(weft_address_parse(&a, "unix:/nowhere/at/all"), WEFT_OK);
    assert_int_equal(weft__net_error(ENOENT, "listen", &a), WEFT_MISSING);
    assert_non_null(strstr(weft_detail(), "folder is missing"));
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(file);
    assert_int_equal(weft__bind_error(EADDRINUSE, "listen", &at), WEFT_INUSE);
    assert_non_null(strstr(weft_detail(), "is no socket: take another path"));
    assert_int_equal(weft__net_error(ECONNREFUSED, "dial", &at), WEFT_REFUSED);
    assert_non_null(strstr(weft_detail(), "is no socket"));
}

static void what_the_network_says_has_a_meaning(void **state)
{
    (void)state;
    static const struct {
        int number;
        weft_err e;
        const char *next;
    } of[] = {
        {EADDRINUSE, WEFT_INUSE, "take another"},
        {EADDRNOTAVAIL, WEFT_INVALID, "one of this machine"},
        {EAFNOSUPPORT, WEFT_INVALID, "of that sort"},
        {EPROTOTYPE, WEFT_INVALID, "do not meet"},
        {EINVAL, WEFT_INVALID, ""},
        {ENODEV, WEFT_INVALID, ""},
        {ECONNREFUSED, WEFT_REFUSED, ""},
        {EPIPE, WEFT_REFUSED, ""},
        {ENETUNREACH, WEFT_LOST, ""},
        {EHOSTUNREACH, WEFT_LOST, ""},
        {ENETDOWN, WEFT_LOST, ""},
        {EHOSTDOWN, WEFT_LOST, ""},
        {ECONNRESET, WEFT_LOST, ""},
        {EMSGSIZE, WEFT_TOOBIG, ""},
        {ENOBUFS, WEFT_NOMEM, ""},
        {EACCES, WEFT_DENIED, ""},
        {ENOENT, WEFT_MISSING, ""},
        {EBADF, WEFT_SYS, ""},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        assert_int_equal(weft__net_error(of[i].number, "dial", &at), of[i].e);
        assert_non_null(strstr(weft_detail(), "dial: unix:"));
        assert_non_null(strstr(weft_detail(), path));
        assert_non_null(strstr(weft_detail(), of[i].next));
    }
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_file_that_was_left_behind_is_replaced),
        T(the_file_of_one_that_lives_stays),
        T(who_listens_hears_nothing_of_it),
        T(what_is_no_socket_stays),
        T(a_successor_s_file_is_not_removed),
        T(of_several_one_replaces_it),
        T(a_folder_that_a_stranger_locks_holds_nobody_up),
        T(the_address_says_more_about_it),
        T(what_the_network_says_has_a_meaning),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
