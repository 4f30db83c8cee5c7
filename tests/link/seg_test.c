/* The shared segment: who may use what as one, and that nobody who sleeps is overlooked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link/seg.h"
#include "port/clock.h"
#include "port/fd.h"
#include "port/limit.h"
#include "port/map.h"
#include "port/poller.h"

static void test_ranks_are_1_to_1024(void **state)
{
    (void)state;
    weft__seg s = {.fd = 77};
    assert_int_equal(weft__seg_create(&s, 0), WEFT_INVALID);
    assert_int_equal(weft__seg_create(&s, -1), WEFT_INVALID);
    assert_int_equal(weft__seg_create(&s, WEFT__RANKS_MAX + 1), WEFT_INVALID);
    assert_int_equal(s.fd, 77);
    const int ranks[] = {1, 2, 16, 17, 63, 64, 65, 300, WEFT__RANKS_MAX};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        assert_int_equal(weft__seg_create(&s, ranks[i]), WEFT_OK);
        weft__seg_close(&s);
        weft__seg_close(&s);
    }
}

/* Nothing in the segment overlaps, and all of it is in the file. */
static void test_parts_lie_apart(void **state)
{
    (void)state;
    const int sizes[] = {1, 2, 17, 64, 65, WEFT__RANKS_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        weft__seg s;
        assert_int_equal(weft__seg_create(&s, sizes[i]), WEFT_OK);
        char *base = s.base, *end = (char *)weft__seg_job_of(&s) + sizeof(weft__seg_job);
        assert_true((uintptr_t)base + s.ranks_at >= (uintptr_t)end);
        char *last = (char *)weft__seg_rank_of(&s, sizes[i] - 1);
        assert_true(last + sizeof(weft__seg_rank) <= base + s.attention_at);
        assert_true(s.attention_at + (size_t)s.ranks * s.attention_size <= s.rings_at);
        size_t ring, before = 0, page = weft__page_size();
        for (int from = 0; from < s.ranks; from++)
            for (int to = 0; to < s.ranks; to++) {
                size_t at = weft__seg_ring(&s, from, to, &ring);
                assert_true(at % page == 0 && ring % page == 0 && at + ring <= s.size);
                assert_true(before == 0 || at == before + ring);
                before = at;
            }
        weft__seg_close(&s);
    }
}

/* Attach to a duplicate of s, as a child would. */
static weft_err attach_copy(const weft__seg *s, weft__seg *copy, int count)
{
    int bells[WEFT__RANKS_MAX];
    for (int i = 0; i < count; i++)
        bells[i] = dup(s->bells[i % s->ranks]);
    int fd = dup(s->fd);
    weft_err e = weft__seg_attach(copy, fd, bells, count);
    if (e == WEFT_OK)
        return e;
    for (int i = 0; i < count; i++) /* nothing was taken */
        assert_int_equal(close(bells[i]), 0);
    assert_int_equal(close(fd), 0);
    return e;
}

static void test_what_one_writes_the_other_reads(void **state)
{
    (void)state;
    weft__seg a, b;
    assert_int_equal(weft__seg_create(&a, 3), WEFT_OK);
    weft__seg_job_of(&a)->terminal = 132;
    weft__seg_rank_of(&a, 2)->workers = 5;
    assert_int_equal(attach_copy(&a, &b, 3), WEFT_OK);
    assert_int_equal(b.ranks, 3);
    assert_int_equal(b.size, a.size);
    assert_int_equal(weft__seg_job_of(&b)->terminal, 132);
    assert_int_equal(weft__seg_rank_of(&b, 2)->workers, 5);
    weft__seg_attend(&b, 1, 2);
    assert_true(weft__seg_attention(&a, 1));
    assert_false(weft__seg_attention(&a, 2));
    assert_int_equal(weft__seg_take(&a, 1, 0), 1 << 2);
    assert_false(weft__seg_attention(&b, 1));
    assert_int_equal(weft__seg_take(&a, 1, 0), 0);
    weft__seg_close(&b);
    weft__seg_close(&a);
}

static void test_what_is_no_segment_is_refused(void **state)
{
    (void)state;
    weft__seg a, b = {.fd = 77};
    assert_int_equal(weft__seg_create(&a, 2), WEFT_OK);
    assert_int_equal(attach_copy(&a, &b, 1), WEFT_INVALID);
    assert_int_equal(attach_copy(&a, &b, 3), WEFT_INVALID);
    assert_int_equal(weft__seg_attach(&b, a.fd, a.bells, 0), WEFT_INVALID);
    assert_int_equal(weft__seg_attach(&b, a.fd, a.bells, WEFT__RANKS_MAX + 1), WEFT_INVALID);
    assert_int_equal(weft__seg_attach(&b, -1, a.bells, 2), WEFT_INVALID);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), plain = memfd_create("plain", MFD_CLOEXEC);
    assert_int_equal(ftruncate(plain, (off_t)a.size), 0);
    assert_int_equal(weft__seg_attach(&b, null, a.bells, 2), WEFT_INVALID);
    assert_int_equal(weft__seg_attach(&b, plain, a.bells, 2), WEFT_INVALID); /* could shrink */
    close(null);
    close(plain);
    const size_t sizes[] = {1, 100, 4096, 1u << 20}; /* zeros, too short */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fd;
        assert_int_equal(weft__shmem_create("short", sizes[i], &fd), WEFT_OK);
        assert_int_equal(weft__seg_attach(&b, fd, a.bells, 2), WEFT_INVALID);
        weft__fd_close(fd);
    }
    assert_int_equal(b.fd, 77);
    weft__seg_close(&a);
}

/* Every word of the head counts, and a right head in a file of another size is refused. */
static void test_a_spoiled_head_is_refused(void **state)
{
    (void)state;
    weft__seg a, b;
    assert_int_equal(weft__seg_create(&a, 2), WEFT_OK);
    for (size_t at = 0; at < 40; at += 4) {
        uint32_t *word = (uint32_t *)(void *)((char *)a.base + at), good = *word;
        *word ^= 3;
        assert_int_equal(attach_copy(&a, &b, 2), WEFT_INVALID);
        *word = 0xffffffffu;
        assert_int_equal(attach_copy(&a, &b, 2), WEFT_INVALID);
        *word = good;
    }
    int fd;
    assert_int_equal(weft__shmem_create("long", a.size + 4096, &fd), WEFT_OK);
    assert_int_equal(pwrite(fd, a.base, 256, 0), 256);
    assert_int_equal(weft__seg_attach(&b, fd, a.bells, 2), WEFT_INVALID);
    weft__fd_close(fd);
    assert_int_equal(attach_copy(&a, &b, 2), WEFT_OK);
    weft__seg_close(&b);
    weft__seg_close(&a);
}

static void test_descriptors_end_on_exec(void **state)
{
    (void)state;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(s.bells[0], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(s.bells[1], F_GETFD) & FD_CLOEXEC);
    weft__seg_close(&s);
}

static void test_too_few_descriptors_name_the_limit(void **state)
{
    (void)state;
    struct rlimit old, low = {.rlim_cur = 40, .rlim_max = 100};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    pid_t child = fork();
    if (child == 0) { /* the hard limit cannot be raised again by everybody */
        weft__seg s;
        bool good = setrlimit(RLIMIT_NOFILE, &low) == 0;
        good = good && weft__seg_create(&s, 30) == WEFT_OK; /* the soft one is raised */
        good = good && weft__limit_files(1000) == 100;
        good = good && weft__seg_create(&s, 300) == WEFT_NOMEM;
        good = good && strstr(weft_detail(), "the limit is 100");
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_left_and_lost_are_final(void **state)
{
    (void)state;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    uint32_t epoch = weft__seg_epoch(&s);
    assert_int_equal(weft__seg_state(&s, 1), WEFT__RANK_ABSENT);
    weft__seg_set_state(&s, 1, WEFT__RANK_JOINED);
    assert_int_equal(weft__seg_state(&s, 1), WEFT__RANK_JOINED);
    assert_true(weft__seg_wait_change(&s, &epoch, 0));
    assert_int_equal(epoch, weft__seg_epoch(&s));
    assert_false(weft__seg_wait_change(&s, &epoch, weft__clock_ns() + 1000000));
    weft__seg_set_state(&s, 1, WEFT__RANK_LEFT);
    weft__seg_set_state(&s, 1, WEFT__RANK_LOST);
    assert_int_equal(weft__seg_state(&s, 1), WEFT__RANK_LEFT);
    assert_int_equal(weft__seg_take(&s, 0, 0), 1 << 2);
    assert_int_equal(weft__seg_take(&s, 1, 0), 1 << 2);
    weft_atomic_store(&weft__seg_rank_of(&s, 0)->state, 99, WEFT_RELAXED);
    assert_int_equal(weft__seg_state(&s, 0), WEFT__RANK_LOST);
    weft__seg_close(&s);
}

static void test_every_bit_of_many_ranks_is_its_own(void **state)
{
    (void)state;
    const int sizes[] = {63, 64, 128, WEFT__RANKS_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        weft__seg s;
        int n = sizes[i];
        assert_int_equal(weft__seg_create(&s, n), WEFT_OK);
        for (int from = 0; from <= n; from++) {
            weft__seg_attend(&s, n - 1, from);
            assert_true(weft__seg_attention(&s, n - 1));
            for (int w = 0; w < weft__seg_words(&s); w++) {
                uint64_t wanted = w == from / 64 ? UINT64_C(1) << (from % 64) : 0;
                assert_int_equal(weft__seg_take(&s, n - 1, w), wanted);
            }
        }
        assert_false(weft__seg_attention(&s, 0));
        weft__seg_close(&s);
    }
}

/* Sleeping: a counter stands for a ring. The caller bumps it and calls; the sleeper sleeps on its
 * bell and must see every bump without ever waking by itself. */

enum { CALLS = 20000, NAP_MS = 5000 };

typedef WEFT_ATOMIC(uint64_t) counter;

typedef struct call {
    weft__seg *seg;
    int me, other;
    counter *mine, *theirs; /* what I announce, what the other does */
    bool in_turn;           /* answer each call, else call as fast as it goes */
    int bad;
} call;

static void announce(call *c)
{
    weft_atomic_fetch_add(c->mine, 1, WEFT_SEQ_CST); /* pairs with await */
    weft__seg_attend(c->seg, c->other, c->me);
}

/* Sleep until the other announced more than `seen`; the new count. */
static uint64_t await(call *c, uint64_t seen)
{
    for (;;) {
        weft__seg_take(c->seg, c->me, 0);
        uint64_t now = weft_atomic_load(c->theirs, WEFT_SEQ_CST); /* pairs with announce */
        if (now != seen || c->bad)
            return now;
        if (weft__seg_arm(c->seg, c->me)) {
            struct pollfd fd = {.fd = c->seg->bells[c->me], .events = POLLIN};
            if (poll(&fd, 1, NAP_MS) == 0)
                c->bad++;
            weft__bell_drain(c->seg->bells[c->me]);
        }
        weft__seg_disarm(c->seg, c->me);
    }
}

static void *listen_and_answer(void *arg)
{
    call *c = arg;
    uint64_t seen = 0;
    while (seen < CALLS && !c->bad) {
        uint64_t now = await(c, seen);
        if (now < seen || now > CALLS)
            c->bad++;
        seen = now;
        if (c->in_turn)
            announce(c);
    }
    return NULL;
}

static void *call_all(void *arg)
{
    call *c = arg;
    uint64_t seen = 0;
    for (int i = 0; i < CALLS && !c->bad; i++) {
        announce(c);
        if (c->in_turn)
            seen = await(c, seen);
    }
    return NULL;
}

static counter *counters; /* shared with children */

static void stress(bool processes, bool in_turn)
{
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    for (int i = 0; i < 2; i++)
        weft_atomic_store(&counters[64 * i], 0, WEFT_RELAXED); /* nobody else yet */
    call caller = {&s, 0, 1, &counters[0], &counters[64], in_turn, 0};
    call listener = {&s, 1, 0, &counters[64], &counters[0], in_turn, 0};
    pthread_t thread;
    pid_t child = processes ? fork() : -1;
    if (child == 0) {
        alarm(60);
        listen_and_answer(&listener);
        _exit(listener.bad != 0);
    }
    if (!processes)
        assert_int_equal(pthread_create(&thread, NULL, listen_and_answer, &listener), 0);
    call_all(&caller);
    int status = 0;
    if (processes)
        assert_int_equal(waitpid(child, &status, 0), child);
    else
        pthread_join(thread, NULL);
    assert_int_equal(status, 0);
    assert_int_equal(caller.bad + listener.bad, 0);
    weft__seg_close(&s);
}

static void test_no_call_between_processes_is_lost(void **state)
{
    (void)state;
    stress(true, true);
    stress(true, false);
}

static void test_no_call_between_threads_is_lost(void **state)
{
    (void)state;
    stress(false, true);
    stress(false, false);
}

static void test_nobody_sleeps_on_a_call(void **state)
{
    (void)state;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    struct pollfd fd = {.fd = s.bells[1], .events = POLLIN};
    weft__seg_attend(&s, 1, 0);
    assert_int_equal(poll(&fd, 1, 0), 0); /* awake: nobody rings */
    assert_false(weft__seg_arm(&s, 1));
    weft__seg_attend(&s, 1, 2);
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_int_equal(weft__seg_take(&s, 1, 0), 1 | 1 << 2);
    assert_true(weft__seg_arm(&s, 1));
    weft__seg_attend(&s, 1, 0);
    assert_int_equal(poll(&fd, 1, 0), 1);
    weft__bell_drain(s.bells[1]);
    weft__seg_attend(&s, 1, 0);
    assert_int_equal(poll(&fd, 1, 0), 0); /* rung already */
    weft__seg_close(&s);
}

/* A caller that dies between the bit and the bell: the next one rings though the bit is there. */
static void test_a_call_that_was_cut_short_is_made_up_for(void **state)
{
    (void)state;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    assert_true(weft__seg_arm(&s, 1));
    uint64_t *words = (uint64_t *)(void *)((char *)s.base + s.attention_at + s.attention_size + 8);
    words[0] = 1;
    weft__seg_attend(&s, 1, 0);
    struct pollfd fd = {.fd = s.bells[1], .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_int_equal(weft__seg_take(&s, 1, 0), 1);
    weft__seg_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_few_descriptors_name_the_limit),
        cmocka_unit_test(test_no_call_between_processes_is_lost),
        cmocka_unit_test(test_ranks_are_1_to_1024),
        cmocka_unit_test(test_parts_lie_apart),
        cmocka_unit_test(test_what_one_writes_the_other_reads),
        cmocka_unit_test(test_what_is_no_segment_is_refused),
        cmocka_unit_test(test_a_spoiled_head_is_refused),
        cmocka_unit_test(test_descriptors_end_on_exec),
        cmocka_unit_test(test_left_and_lost_are_final),
        cmocka_unit_test(test_every_bit_of_many_ranks_is_its_own),
        cmocka_unit_test(test_no_call_between_threads_is_lost),
        cmocka_unit_test(test_nobody_sleeps_on_a_call),
        cmocka_unit_test(test_a_call_that_was_cut_short_is_made_up_for),
    };
    alarm(100);
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        return 1;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
