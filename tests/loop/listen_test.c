/* What weft_listen_opts say: a port that several share, and how many may wait to be accepted. */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "task/fresh.h"
#include "weft/stream.h"

static weft_err listen_as(weft_listener **l, const char *at, int share_port)
{
    return weft_listen(w, l, at, &(weft_listen_opts){.share_port = share_port});
}

/* Where it listens, as what to dial, or to listen at once more. */
static const char *where(const weft_listener *l, char text[WEFT_ADDRESS_TEXT])
{
    weft_address a;
    weft_listener_address(l, &a);
    return weft_address_text(&a, text, WEFT_ADDRESS_TEXT);
}

/* Two listeners at one port, and who comes there: each says a number of its own. */
enum { DIALS = 64, HALLS = 2 };

static struct {
    weft_listener *hall[HALLS];
    char at[WEFT_ADDRESS_TEXT];
    int came[HALLS]; /* of who accepts there */
    int seen[DIALS]; /* atomic: how often that number came */
    int left;        /* atomic: who is yet to come, to either of them */
} shared;

static weft_err hear(weft_stream *s)
{
    unsigned char number = DIALS;
    MUST(weft_read_full(s, &number, 1, NULL, weft_in_s(20)) == WEFT_OK);
    MUST(number < DIALS);
    __atomic_fetch_add(&shared.seen[number], 1, __ATOMIC_ACQ_REL);
    weft_close(&s);
    return WEFT_OK;
}

/* Who has the last one sends everybody home. */
static weft_err receive(void *arg)
{
    int own = *(const int *)arg;
    weft_stream *s;
    weft_err e;
    while ((e = weft_accept(shared.hall[own], &s, weft_in_s(60))) == WEFT_OK) {
        shared.came[own]++;
        MUST(hear(s) == WEFT_OK);
        if (__atomic_sub_fetch(&shared.left, 1, __ATOMIC_ACQ_REL) == 0)
            for (int i = 0; i < HALLS; i++)
                weft_listener_stop(shared.hall[i]);
    }
    MUST(e == WEFT_CLOSED);
    return WEFT_OK;
}

static weft_err come(void *arg)
{
    (void)arg;
    for (unsigned char i = 0; i < DIALS; i++) {
        weft_stream *s;
        MUST(weft_dial(w, &s, shared.at, weft_in_s(60)) == WEFT_OK);
        MUST(weft_write(s, &i, 1, weft_in_s(60)) == WEFT_OK);
        weft_close(&s);
    }
    return WEFT_OK;
}

/* That all of them come to the same one happens once in 2^63 times. */
static void who_comes_to_a_shared_port_is_dealt_out_and_none_is_lost(void **state)
{
    (void)state;
    static const int own[HALLS] = {0, 1};
    weft_scope s;
    memset(&shared, 0, sizeof shared);
    shared.left = DIALS;
    ok(listen_as(&shared.hall[0], "127.0.0.1:0", 1));
    ok(listen_as(&shared.hall[1], where(shared.hall[0], shared.at), 1));
    weft_scope_init(&s, weft_pool(w), "halls");
    for (int i = 0; i < HALLS; i++)
        ok(weft_go(&s, receive, (void *)(uintptr_t)&own[i]));
    ok(weft_go(&s, come, NULL));
    ok(weft_scope_join(&s, weft_in_s(60)));
    weft_scope_fini(&s);
    printf("%d came to one, %d to the other\n", shared.came[0], shared.came[1]);
    for (int i = 0; i < HALLS; i++) {
        assert_true(shared.came[i] > 0);
        weft_listener_close(&shared.hall[i]);
    }
    for (int i = 0; i < DIALS; i++)
        assert_int_equal(shared.seen[i], 1);
}

static void a_port_is_shared_only_if_all_say_so(void **state)
{
    (void)state;
    for (int ask = 0; ask < 3; ask++) { /* neither, the first, the second */
        weft_listener *first, *second = NULL;
        char at[WEFT_ADDRESS_TEXT];
        ok(listen_as(&first, "127.0.0.1:0", ask == 1));
        assert_int_equal(listen_as(&second, where(first, at), ask == 2), WEFT_INUSE);
        assert_null(second);
        if (!strstr(weft_detail(), at))
            fail_msg("no word of %s: %s", at, weft_detail());
        weft_listener_close(&first);
        ok(listen_as(&second, at, 0)); /* it is free again */
        weft_listener_close(&second);
    }
}

/* How many of `n` can connect while nobody accepts. The backlog of a unix socket says at once that it is full. */
static int room_of(const weft_listen_opts *opts, int n)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int len = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "weft-listen-%d", (int)getpid());
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    char at[sizeof a.sun_path + 8];
    int fd[128], room = 0;
    bool full = false;
    weft_listener *l;
    snprintf(at, sizeof at, "unix:@%s", a.sun_path + 1);
    ok(weft_listen(w, &l, at, opts));
    while (room < n && !full) {
        fd[room] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd[room] >= 0);
        full = connect(fd[room], (struct sockaddr *)&a, size) != 0;
        if (full)
            assert_int_equal(errno, EAGAIN);
        if (full)
            close(fd[room]);
        else
            room++;
    }
    for (int i = 0; i < room; i++)
        close(fd[i]);
    weft_listener_close(&l);
    return room;
}

/* Linux lets one more wait than it was asked for. */
static void as_many_wait_to_be_accepted_as_the_backlog_says(void **state)
{
    (void)state;
    for (int n = 1; n <= 16; n *= 4) {
        int room = room_of(&(weft_listen_opts){.backlog = n}, 128);
        if (room != n + 1)
            fail_msg("%d have room in a backlog of %d", room, n);
    }
    assert_int_equal(room_of(NULL, 128), 128);
    assert_int_equal(room_of(&(weft_listen_opts){0}, 128), 128);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(who_comes_to_a_shared_port_is_dealt_out_and_none_is_lost),
        T(a_port_is_shared_only_if_all_say_so),
        T(as_many_wait_to_be_accepted_as_the_backlog_says),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
