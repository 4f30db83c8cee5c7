/* The switch itself: what it keeps, in which order things happen, and where a backtrace ends. */
#include "task/switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include <cmocka.h>

enum { SIZE = 128 * 1024 };

static weft__context main_context, other;
static char *low;

static void begin(void (*entry)(void *), void *arg)
{
    low = aligned_alloc(4096, SIZE);
    assert_non_null(low);
    weft__context_of_thread(&main_context);
    weft__context_make(&other, low, low + SIZE, entry, arg);
}

static void finish(void)
{
    weft__context_end(&other);
    free(low);
}

static void back(void)
{
    weft__switch_to(&other, &main_context, NULL, NULL);
}

struct seen {
    int rounds;
    int after;
    uintptr_t sp, frame;
    char text[64];
};

static void count(void *arg)
{
    char here;
    struct seen *s = arg;
    s->after++;
    s->sp = (uintptr_t)&here;
}

static void ping(void *arg)
{
    struct seen *s = arg;
    weft__switch_entered(&other);
    s->frame = (uintptr_t)__builtin_frame_address(0);
    for (;;) {
        s->rounds++;
        /* Printing a double crashes on a stack that is not aligned as the convention says. */
        snprintf(s->text, sizeof s->text, "%d %.1f", s->rounds, s->rounds * 0.5);
        back();
    }
}

static void it_goes_there_and_back(void **state)
{
    (void)state;
    struct seen s = {0};
    begin(ping, &s);
    for (int i = 1; i <= 1000; i++) {
        char want[64];
        assert_int_equal(weft__switch_to(&main_context, &other, count, &s), 0);
        snprintf(want, sizeof want, "%d %.1f", i, i * 0.5);
        assert_string_equal(s.text, want);
        assert_int_equal(s.rounds, i);
        assert_int_equal(s.after, i);                                 /* once each time */
        assert_in_range(s.sp, (uintptr_t)low, (uintptr_t)low + SIZE); /* on the new stack */
    }
    assert_int_equal(s.frame % 16, 0);
    finish();
}

/* More values than registers, whole and floating, of which the compiler keeps as many as it can in those
 * that a call keeps. */
static uint64_t mix(uint64_t seed, void (*between)(void))
{
    uint64_t v[12];
    double d[12];
    for (int i = 0; i < 12; i++) {
        v[i] = seed = seed * 6364136223846793005u + 1442695040888963407u;
        d[i] = (double)(seed >> 40);
    }
    uint64_t a = v[0], b = v[1], c = v[2], e = v[3], f = v[4], g = v[5], h = v[6];
    double p = d[0], q = d[1], r = d[2], s = d[3], t = d[4], u = d[5], w = d[6], x = d[7];
    for (int i = 0; i < 50; i++) {
        between();
        a += b, b ^= c, c += e, e ^= f, f += g, g ^= h, h += a;
        p += q, q += 1, r += s, s += 2, t += u, u += 3, w += x, x += 4;
    }
    return a ^ b ^ c ^ e ^ f ^ g ^ h ^ (uint64_t)(p + q + r + s + t + u + w + x);
}

static void nothing(void)
{
}

static void there(void)
{
    weft__switch_to(&main_context, &other, NULL, NULL);
}

static uint64_t mixed;

static void mixer(void *arg)
{
    weft__switch_entered(&other);
    mixed = mix(*(uint64_t *)arg, back);
    for (;;)
        back();
}

static void registers_and_floating_point_survive(void **state)
{
    (void)state;
    uint64_t seed = 77;
    begin(mixer, &seed);
    assert_int_equal(mix(5, there), mix(5, nothing));
    there();
    assert_int_equal(mixed, mix(77, nothing));
    finish();
}

struct walk {
    int frames;
    _Unwind_Reason_Code end;
};

static _Unwind_Reason_Code frame(struct _Unwind_Context *c, void *arg)
{
    struct walk *w = arg;
    (void)c;
    return ++w->frames > 100 ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

static void walker(void *arg)
{
    struct walk *w = arg;
    weft__switch_entered(&other);
    w->end = _Unwind_Backtrace(frame, w);
    for (;;)
        back();
}

static void a_backtrace_ends_at_the_base(void **state)
{
    (void)state;
    struct walk w = {0};
    begin(walker, &w);
    there();
    assert_int_equal(w.end, _URC_END_OF_STACK);
    assert_in_range(w.frames, 1, 6);
    finish();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_there_and_back),
        cmocka_unit_test(registers_and_floating_point_survive),
        cmocka_unit_test(a_backtrace_ends_at_the_base),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
