/* One wait for many descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/clock.h"
#include "port/fd.h"
#include "port/poller.h"

enum { MANY = 100 };

static weft__poller poller;
static int bells[MANY];

static int setup(void **state)
{
    (void)state;
    if (weft__poller_open(&poller) != WEFT_OK)
        return -1;
    for (int i = 0; i < MANY; i++)
        if (weft__bell_open(&bells[i]) != WEFT_OK ||
            weft__poller_set(&poller, bells[i], WEFT__POLL_IN, (uint64_t)i) != WEFT_OK)
            return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        weft__fd_close(bells[i]);
    weft__poller_close(&poller);
    return 0;
}

static void ring_all(void)
{
    for (int i = 0; i < MANY; i++)
        weft__bell_ring(bells[i]);
}

/* Each of them once. */
static void is_every_key(const weft__poll_event *ev, int n)
{
    bool seen[MANY] = {false};
    assert_int_equal(n, MANY);
    for (int i = 0; i < n; i++) {
        assert_true(ev[i].key < MANY);
        assert_false(seen[ev[i].key]);
        assert_int_equal(ev[i].what, WEFT__POLL_IN);
        seen[ev[i].key] = true;
    }
}

static void all_that_is_ready_comes_at_once(void **state)
{
    (void)state;
    weft__poll_event ev[WEFT__POLL_BATCH];
    weft__poller_ring(&poller); /* the poller's own bell is before and behind them */
    ring_all();
    is_every_key(ev, weft__poller_wait(&poller, ev, WEFT__POLL_BATCH, INT64_MIN));
    weft__poller_ring(&poller);
    is_every_key(ev, weft__poller_wait(&poller, ev, WEFT__POLL_BATCH, INT64_MAX));
}

/* What has no room comes with the next one, before those that came already. */
static void what_has_no_room_comes_next(void **state)
{
    (void)state;
    enum { ROOM = 8 };
    weft__poll_event ev[MANY + ROOM];
    int n = 0;
    ring_all();
    while (n < MANY) {
        int got = weft__poller_wait(&poller, ev + n, ROOM, INT64_MIN);
        assert_in_range(got, 1, ROOM);
        n += got;
    }
    is_every_key(ev, MANY);
}

/* However often it was rung, it is one return, and no event. */
static void a_ring_ends_one_wait(void **state)
{
    (void)state;
    weft__poll_event ev[1];
    for (int i = 0; i < MANY; i++)
        weft__poller_ring(&poller);
    assert_int_equal(weft__poller_wait(&poller, ev, 1, INT64_MAX), 0);
    int64_t until = weft__clock_ns() + 1000000;
    assert_int_equal(weft__poller_wait(&poller, ev, 1, until), 0);
    assert_true(weft__clock_ns() >= until); /* the ring is used up: it slept */
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(all_that_is_ready_comes_at_once),
        T(what_has_no_room_comes_next),
        T(a_ring_ends_one_wait),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
