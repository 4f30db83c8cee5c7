/* The pool of stacks: guards, limits, memory that is given back, canaries. */
#include "task/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/limit.h"
#include "port/map.h"
#include "task/child.h"
#include "task/engine.h"

extern char **environ;

enum { SIZE = 64 * 1024, LARGE = 1024 * 1024 };
static char *self;

/* The engine that the pools below are not a part of. */
static weft nobody;

static void open_pool(weft__stacks *s, size_t most, bool unguarded)
{
    weft_atomic_store(&nobody.poll.sleeps_until, INT64_MIN, WEFT_RELAXED);
    weft__stacks_opts o = {.size = SIZE, .large = LARGE, .most = most, .unguarded = unguarded};
    weft__stacks_init(s, &nobody, &o);
}

/* Whether this process may read the byte at `at`. */
static bool readable(const void *at)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    bool can = write(fd[1], at, 1) == 1;
    close(fd[0]);
    close(fd[1]);
    return can;
}

/* A sanitizer takes memory, mappings and time of its own. */
static bool sanitized(void)
{
    const char *with = getenv("WEFT_TEST_SANITIZE");
    return with && with[0];
}

static size_t resident(void)
{
    unsigned long all, here;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &all, &here), 2);
    fclose(f);
    return here * weft__page_size();
}

static weft__stack *get(weft__stacks *s, bool large)
{
    weft__stack *k;
    assert_int_equal(weft__stacks_get(s, large, &k), WEFT_OK);
    return k;
}

static void check_guards(weft__guarding guarding)
{
    enum { COUNT = 100 };
    weft__stacks s;
    weft__stack *k[COUNT];
    open_pool(&s, 0, false);
    s.guarding = guarding;
    for (int i = 0; i < COUNT; i++) {
        k[i] = get(&s, i % 10 == 0);
        assert_int_equal(k[i]->size, i % 10 == 0 ? LARGE : SIZE);
        assert_true(readable(k[i]->low));
        assert_false(readable(k[i]->low - 1));
        assert_ptr_equal(weft__stacks_at(&s, k[i]->low - 1), k[i]);
        assert_null(weft__stacks_at(&s, k[i]->low));
        assert_null(k[i]->canary);
        assert_in_range((uintptr_t)k[i], (uintptr_t)k[i]->low,
                        (uintptr_t)k[i]->low + k[i]->size - sizeof *k[i]);
        memset(k[i]->low, 1, 4096);
        for (int j = 0; j < i; j++)
            assert_true(k[j]->low + k[j]->size < k[i]->low || k[i]->low + k[i]->size < k[j]->low);
    }
    for (int i = 0; i < COUNT; i++)
        weft__stacks_put(&s, k[i]);
    assert_false(readable(k[0]->low - 1)); /* also of one whose memory was given back */
    weft__stacks_fini(&s);
}

static void each_stack_has_a_guard_page_below_it(void **state)
{
    (void)state;
    if (weft__stacks_guard_light())
        check_guards(WEFT__GUARDS_LIGHT);
    check_guards(WEFT__GUARDS_MAPPED);
}

static void tops_are_coloured_within_a_page(void **state)
{
    (void)state;
    weft__stacks s;
    uintptr_t seen[16] = {0};
    open_pool(&s, 0, false);
    for (int i = 0; i < 16; i++) {
        weft__stack *k = get(&s, false);
        seen[i] = (uintptr_t)k % 4096;
        assert_true((uintptr_t)k->low + SIZE - (uintptr_t)k < 4096 / 2 + 512);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(seen[i], seen[j]);
    }
    weft__stacks_fini(&s);
}

static void a_limit_is_an_error_that_names_the_option(void **state)
{
    (void)state;
    weft__stacks s;
    weft__stack *k[3], *more;
    open_pool(&s, 3, false);
    for (int i = 0; i < 3; i++)
        k[i] = get(&s, i == 2);
    assert_int_equal(weft__stacks_get(&s, false, &more), WEFT_NOMEM);
    assert_non_null(strstr(weft_detail(), "all 3 are in use"));
    assert_non_null(strstr(weft_detail(), "weft_opts.max_stacks"));
    weft__stacks_put(&s, k[1]);
    assert_ptr_equal(get(&s, false), k[1]);
    weft__stacks_fini(&s);
}

static void too_few_mappings_are_named_with_the_value_and_what_to_do(void **state)
{
    (void)state;
    char value[64];
    weft__stacks s;
    weft__stack *k;
    open_pool(&s, 0, false);
    snprintf(value, sizeof value, "vm.max_map_count=%llu",
             (unsigned long long)weft__limit_mappings());
    assert_true(s.most_guarded * (uint64_t)2 < weft__limit_mappings());
    s.guarding = WEFT__GUARDS_MAPPED;
    s.most_guarded = 5;
    for (int i = 0; i < 5; i++)
        get(&s, false);
    assert_int_equal(weft__stacks_get(&s, false, &k), WEFT_NOMEM);
    assert_non_null(strstr(weft_detail(), value));
    assert_non_null(strstr(weft_detail(), "weft_opts.unguarded"));
    weft__stacks_fini(&s);
}

/* Until the system itself refuses one more mapping. */
static void the_limit_of_mappings_is_met_without_harm(void **state)
{
    (void)state;
    weft__stacks s;
    weft__stack *k;
    weft_err e = WEFT_OK;
    uint64_t n = 0, limit = weft__limit_mappings();
    if (limit > 100000 || sanitized())
        skip();
    open_pool(&s, 0, false);
    s.guarding = WEFT__GUARDS_MAPPED;
    s.most_guarded = UINT32_MAX;
    while (n < limit && (e = weft__stacks_get(&s, false, &k)) == WEFT_OK)
        n++;
    assert_int_equal(e, WEFT_NOMEM);
    assert_in_range(n, limit / 2 - 1000, limit / 2);
    assert_non_null(strstr(weft_detail(), "vm.max_map_count="));
    weft__stacks_fini(&s);
}

/* As the holder of the poll token does it, when it is time. */
static void give_back_all(weft__stacks *s)
{
    assert_false(weft__stacks_trim(s, weft__stacks_due(s) - 1, false));
    for (int turns = 0; weft__stacks_due(s) != INT64_MAX; turns++) {
        (void)weft__stacks_trim(s, weft__stacks_due(s), true);
        assert_in_range(turns, 0, 10000);
    }
}

static void what_is_in_use_again_soon_keeps_its_memory(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static weft__stack *k[COUNT];
    weft__stacks s;
    open_pool(&s, 0, false);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < COUNT; i++)
            k[i] = get(&s, false);
        for (int i = 0; i < COUNT; i++)
            weft__stacks_put(&s, k[i]);
        if (round > 0)
            (void)weft__stacks_trim(&s, weft__stacks_due(&s), false);
        assert_int_equal(s.kind[0].cold, 0);
    }
    give_back_all(&s);
    assert_in_range(s.kind[0].cold, COUNT / 2, COUNT);
    assert_int_equal(s.kind[0].cold + s.kind[0].warm, COUNT);
    weft__stacks_fini(&s);
}

static void given_back(bool unguarded)
{
    enum { COUNT = 4000, TOUCHED = 16 * 1024 };
    static weft__stack *k[COUNT];
    weft__stacks s;
    open_pool(&s, 0, unguarded);
    size_t before = resident();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            k[i] = get(&s, false);
            assert_null(k[i]->forks.here.me);
            assert_true(weft__forks_none(&k[i]->forks));
            memset(k[i]->low + SIZE / 2, 1, TOUCHED);
        }
        assert_int_equal(s.made, COUNT);
        assert_true(resident() - before > (size_t)COUNT * TOUCHED);
        for (int i = 0; i < COUNT; i++)
            weft__stacks_put(&s, k[i]);
        give_back_all(&s);
        /* What stays is what is kept warm: a fourth. */
        assert_true(sanitized() || resident() - before < (size_t)COUNT * TOUCHED / 2);
        /* Late thieves find nothing, and may ask. */
        weft__slot *slot;
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(weft__forks_steal(&k[i]->forks, &slot), 0);
            weft__forks_ask(&k[i]->forks);
        }
    }
    weft__stacks_fini(&s);
}

static void free_stacks_give_their_memory_back(void **state)
{
    (void)state;
    given_back(false);
    given_back(true);
}

static void a_canary_is_whole_whatever_the_neighbour_does(void **state)
{
    (void)state;
    enum { COUNT = 1100 };
    static weft__stack *k[COUNT];
    weft__stacks *s = &nobody.stacks;
    open_pool(s, 0, true);
    for (int i = 0; i < COUNT; i++)
        k[i] = get(s, false);
    int checked = 0, broken = 0;
    for (int i = 1; i < COUNT; i++)
        checked += k[i]->canary != NULL;
    assert_true(checked > COUNT - 20);
    for (int i = 0; i < COUNT; i += 2)
        weft__stacks_put(s, k[i]);
    give_back_all(s);
    for (int i = 1; i < COUNT; i += 2)
        if (k[i]->canary)
            broken += !weft__canary_is_whole(k[i]);
    assert_int_equal(broken, 0);
    for (int i = 0; i < COUNT; i += 2)
        k[i] = get(s, false);
    for (int i = 0; i < COUNT; i++)
        assert_true(!k[i]->canary ||
                    weft_atomic_load(k[i]->canary, WEFT_RELAXED) == weft__canary_value);
    weft__stacks_fini(s);
}

/* Children of this program: an overflow without a guard page. */

static weft_event never = WEFT_EVENT_INIT("never");
static WEFT_ATOMIC(uint32_t) waiting;

static weft_err wait_first(void *arg)
{
    (void)arg;
    weft_atomic_fetch_add(&waiting, 1, WEFT_RELAXED);
    return weft_event_wait(&never, WEFT_FOREVER);
}

/* Writes over the words below its stack, as a task with too large an array does. */
static weft_err spill(void *arg)
{
    weft__stack *k = weft__stack_here();
    size_t n = k->canary ? sizeof *k->canary : 0;
    memset(k->low - n, arg ? 0 : 0x5a, n);
    return WEFT_OK;
}

static int child(bool zeros)
{
    weft *w;
    weft_opts o = WEFT_OPTS_INIT;
    o.threads = 1;
    o.unguarded = true;
    if (weft_start(&w, &o) != WEFT_OK)
        return 2;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "stacks");
    /* These keep the lower stacks, so that the next is not the lowest. */
    for (int i = 0; i < 8; i++)
        if (weft_go(&s, wait_first, NULL) != WEFT_OK)
            return 3;
    while (weft_atomic_load(&waiting, WEFT_RELAXED) < 8)
        weft_yield();
    ignore(weft_go(&s, spill, zeros ? &s : NULL));
    ignore(weft_scope_join(&s, weft_in_s(10)));
    return 4; /* nobody noticed */
}

static void a_broken_canary_aborts_with_the_task_and_the_option(void **state)
{
    (void)state;
    const char *const ways[] = {"child-text", "child-zeros"};
    char text[4096];
    for (int i = 0; i < 2; i++) {
        int status = run_self(self, ways[i], text, sizeof text);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("%s: status %#x: %s", ways[i], (unsigned)status, text);
        assert_non_null(strstr(text, "spill"));
        assert_non_null(strstr(text, "overflowed its stack of 262144 bytes"));
        assert_non_null(strstr(text, "weft_opts.stack_size"));
    }
}

static void an_idle_engine_gives_memory_back(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    weft *w = engine_open(2);
    weft_scope s;
    weft_event_clear(&never);
    weft_scope_init(&s, weft_pool(w), "parked");
    weft_atomic_store(&waiting, 0, WEFT_RELAXED);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(weft_go(&s, wait_first, NULL), WEFT_OK);
    while (weft_atomic_load(&waiting, WEFT_RELAXED) < COUNT)
        weft_yield();
    weft_event_set(&never);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    /* All workers sleep now; nobody has anything to do but this. */
    weft__stacks_kind *kind = &w->stacks.kind[0];
    for (bool done = false; !done;) {
        weft__guard_take(&w->stacks.guard);
        done = kind->warm <= kind->keep && kind->cold + 1000 > kind->made;
        weft__guard_drop(&w->stacks.guard);
        ignore(weft_sleep(weft_in_ms(1))); /* bounded by the alarm */
    }
    engine_close(w);
}

static void a_parked_task_takes_one_page(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    if (sanitized())
        skip();
#if defined(WEFT__SWITCH_UCONTEXT)
    skip(); /* its saved context is larger */
#endif
    weft *w = engine_open(2);
    weft_scope s;
    size_t before = resident();
    weft_event_clear(&never);
    weft_scope_init(&s, weft_pool(w), "parked");
    weft_atomic_store(&waiting, 0, WEFT_RELAXED);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(weft_go(&s, wait_first, NULL), WEFT_OK);
    while (weft_atomic_load(&waiting, WEFT_RELAXED) < COUNT)
        weft_yield();
    double each = (double)(resident() - before) / COUNT;
    print_message("%.0f bytes resident for each parked task, %zu in a stack's record, %zu a task\n",
                  each, sizeof(weft__stack), sizeof(weft__task));
    weft_event_set(&never);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    engine_close(w);
    assert_true(each < 4096 + 512);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stack_has_a_guard_page_below_it),
        cmocka_unit_test(tops_are_coloured_within_a_page),
        cmocka_unit_test(a_limit_is_an_error_that_names_the_option),
        cmocka_unit_test(too_few_mappings_are_named_with_the_value_and_what_to_do),
        cmocka_unit_test(the_limit_of_mappings_is_met_without_harm),
        cmocka_unit_test(free_stacks_give_their_memory_back),
        cmocka_unit_test(what_is_in_use_again_soon_keeps_its_memory),
        cmocka_unit_test(an_idle_engine_gives_memory_back),
        cmocka_unit_test(a_canary_is_whole_whatever_the_neighbour_does),
        cmocka_unit_test(a_broken_canary_aborts_with_the_task_and_the_option),
        cmocka_unit_test(a_parked_task_takes_one_page),
    };
    alarm(100);
    self = argv[0];
    if (argc > 1 && strncmp(argv[1], "child-", 6) == 0)
        return child(strcmp(argv[1], "child-zeros") == 0);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
