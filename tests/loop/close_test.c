/* Streams that are closed while tasks read and write at both ends, in any order: everybody is let go, what was
 * read is what was written, and nothing is left.
 * ctest: timeout=200 */
#define HANG_S 180

#include <stdlib.h>

#include "loop/ends.h"
#include "loop/stream.h"
#include "loop/victim.h"

enum { LENGTH = 40000, MOST = 4 };

static uint64_t seed;
static long closed, lost, had_all;

static size_t pick(size_t n)
{
    return (size_t)(test_random(&seed) % n);
}

/* One that reads or writes. */
struct user {
    weft_stream *s;
    bool writes, again; /* it comes back to the stream */
    weft_err e;
    size_t done; /* bytes that it read */
    bool wrong;  /* one of them */
    int ended;   /* atomic */
};

static weft_err use(void *arg)
{
    struct user *u = arg;
    char *buf = malloc(LENGTH);
    if (!buf)
        return WEFT_NOMEM;
    size_t got = 0;
    for (size_t at = 0; u->e == WEFT_OK; at += LENGTH) {
        if (u->writes) {
            victim_fill(buf, LENGTH, at);
            u->e = weft_write(u->s, buf, LENGTH, WEFT_FOREVER);
        } else {
            u->e = weft_read_full(u->s, buf, LENGTH, &got, WEFT_FOREVER);
            if (u->e == WEFT_OK || u->e == WEFT_CLOSED)
                u->wrong |= !victim_right(buf, got, at);
            got = 0; /* what is not told is 0 the next time */
        }
        if (!u->again)
            break;
    }
    free(buf);
    __atomic_store_n(&u->ended, 1, __ATOMIC_RELEASE); /* pairs with until_inside */
    return WEFT_OK;
}

/* Until it may be closed under the user, who does not come back. */
static void until_inside(struct user *u)
{
    uint32_t as = u->writes ? WEFT__WRITING : WEFT__READING;
    while (!__atomic_load_n(&u->ended, __ATOMIC_ACQUIRE) && /* pairs with use */
           !(weft_atomic_load(&u->s->h.door.word, WEFT_ACQUIRE) & as))
        ignore(weft_yield());
}

/* Both ends with those who use them; how many those are. */
static int open_ends(weft_stream *s[2], struct user *u, bool again)
{
    size_t sort = pick(3);
    int n = 0;
    if (sort == 0)
        assert_int_equal(weft_pipe(w, &s[0], &s[1]), WEFT_OK);
    else if (sort == 1)
        assert_int_equal(weft_stream_pair(w, s), WEFT_OK);
    else
        connection(s);
    for (int end = 0; end < 2; end++)
        for (int writes = 0; writes < 2; writes++)
            if (sort > 0 || end == writes)
                u[n++] = (struct user){.s = s[end], .writes = writes, .again = again};
    return n;
}

static void pause_somehow(void)
{
    int64_t until = weft_clock() + (int64_t)(pick(2) ? pick(40000) : 0);
    while (weft_clock() < until)
        ;
}

static weft_err close_it(void *arg)
{
    weft_close(arg);
    return WEFT_OK;
}

/* Both of them, at once or one after the other, by this thread and by a task. */
static void close_both(weft_stream *s[2])
{
    weft_scope scope;
    size_t one = pick(2);
    weft_scope_init(&scope, weft_pool(w), "closes");
    if (pick(2))
        assert_int_equal(weft_go(&scope, close_it, &s[one]), WEFT_OK);
    else
        weft_close(&s[one]);
    pause_somehow();
    weft_close(&s[1 - one]);
    assert_int_equal(weft_scope_join(&scope, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&scope);
    assert_true(!s[0] && !s[1]);
}

static void stop_both(weft_stream *s[2])
{
    size_t one = pick(2);
    weft_stream_stop(s[one]);
    pause_somehow();
    weft_stream_stop(s[1 - one]);
}

static void judge(const struct user *u)
{
    if (u->e != WEFT_OK && u->e != WEFT_CLOSED && u->e != WEFT_LOST)
        fail_msg("who %s ended with %s", u->writes ? "writes" : "reads", weft_strerror(u->e));
    assert_false(u->wrong);
    assert_true(!u->again || u->e != WEFT_OK);
    had_all += u->e == WEFT_OK;
    closed += u->e == WEFT_CLOSED;
    lost += u->e == WEFT_LOST;
}

static void play(void)
{
    weft_place *places[] = {weft_pool(w), weft_pool(w), weft_loop(w), weft_threads(w)};
    weft_stream *s[2];
    struct user u[MOST];
    weft_scope scope;
    bool again = pick(2);
    int n = open_ends(s, u, again);
    weft_scope_init(&scope, places[pick(4)], "users");
    for (int i = 0; i < n; i++)
        assert_int_equal(weft_go(&scope, use, &u[i]), WEFT_OK);
    for (int i = 0; i < n && !again; i++)
        until_inside(&u[i]);
    pause_somehow();
    if (again)
        stop_both(s);
    else
        close_both(s);
    assert_int_equal(weft_scope_join(&scope, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&scope);
    for (int i = 0; i < n; i++)
        judge(&u[i]);
    if (again)
        close_both(s);
}

static void streams_are_closed_under_their_users_in_any_order(void **state)
{
    (void)state;
    long rounds = test_length(1500, 20000);
    seed = test_seed();
    int open = victim_descriptors();
    for (long i = 0; i < rounds; i++)
        play();
    assert_int_equal(victim_descriptors(), open);
    printf("%ld had all, %ld were closed, %ld lost\n", had_all, closed, lost);
    assert_int_equal(weft_atomic_load(&w->poll.watched, WEFT_RELAXED), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams_are_closed_under_their_users_in_any_order, setup,
                                        teardown),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
