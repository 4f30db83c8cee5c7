/* The table of words: nothing is lost while it grows, is merged, or travels as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/wordcount/pack.c"
#include "../../examples/wordcount/pages.c"
#include "../../examples/wordcount/table.c"

enum { MANY = 300000 };

/* Word number `i` in `text`, which has 64 bytes: short ones, and now and then a long one. */
static size_t name_word(int i, unsigned char *text)
{
    memset(text, 0, 64);
    return (size_t)snprintf((char *)text, 64, i % 50 == 0 ? "a-rather-long-word-%d" : "w%d", i);
}

static void add_many(table *t, int from, int to)
{
    unsigned char text[64];
    for (int i = from; i < to; i++)
        table_add(t, text, name_word(i, text), (uint64_t)i + 1);
}

/* Every word of the first `n` is there, with its count times `times`. */
static void assert_many(const table *t, int n, uint64_t times)
{
    unsigned char text[64];
    char *seen = calloc((size_t)n, 1);
    assert_non_null(seen);
    assert_int_equal(table_distinct(t), n);
    for (table_at at = {0}; table_next(t, &at);) {
        assert_true(at.count % times == 0 && at.count / times >= 1);
        uint64_t i = at.count / times - 1;
        assert_true(i < (uint64_t)n && !seen[i]);
        seen[i] = 1;
        assert_int_equal(at.len, name_word((int)i, text));
        assert_memory_equal(at.text, text, at.len);
    }
    free(seen);
}

static void words_of_every_length_are_found_again(void **state)
{
    (void)state;
    unsigned char text[100];
    table t = {0};
    memset(text, 'x', sizeof text);
    for (int round = 0; round < 3; round++)
        for (size_t len = 1; len <= 80; len++)
            table_add(&t, text, len, 1);
    assert_int_equal(table_distinct(&t), 80);
    for (table_at at = {0}; table_next(&t, &at);) {
        assert_int_equal(at.count, 3);
        assert_memory_equal(at.text, text, at.len);
    }
    table_free(&t);
    assert_int_equal(table_distinct(&t), 0);
}

static void growing_loses_nothing(void **state)
{
    (void)state;
    table t = {0};
    add_many(&t, 0, MANY);
    add_many(&t, 0, MANY);
    assert_many(&t, MANY, 2);
    assert_false(t.failed);
    table_free(&t);
}

static void a_big_word_leaves_the_chunk_in_use_in_front(void **state)
{
    (void)state;
    table t = {0};
    unsigned char *big = malloc(CHUNK * 4);
    assert_non_null(big);
    memset(big, 'b', CHUNK * 4);
    table_add(&t, big, 20, 1);
    const struct table_chunk *first = t.chunks;
    table_add(&t, big, CHUNK * 4, 1);
    assert_ptr_equal(t.chunks, first);
    table_add(&t, big, 21, 1);
    assert_ptr_equal(t.chunks, first);
    assert_int_equal(first->used, 41);
    free(big);
    table_free(&t);
}

static void merging_adds(void **state)
{
    (void)state;
    table a = {0}, b = {0}, c = {0};
    add_many(&a, 0, MANY);
    add_many(&b, 0, MANY / 2);
    add_many(&b, MANY / 2, MANY);
    table_merge(&c, &a);
    assert_many(&c, MANY, 1);
    table_merge(&c, &b);
    assert_many(&c, MANY, 2);
    b.failed = true;
    table_merge(&c, &b);
    assert_true(c.failed);
    table_free(&a);
    table_free(&b);
    table_free(&c);
}

/* The order of one table is the order of hashes: without room made first, this takes minutes. */
static void merging_takes_no_quadratic_time(void **state)
{
    (void)state;
    enum { WORDS = 1500000 };
    table a = {0}, b = {0}, c = {0};
    size_t len = 0;
    for (uint64_t i = 1; i <= WORDS; i++)
        table_add_new(&a, (const uint64_t[2]){i, 0}, 1);
    table_merge(&b, &a);
    assert_int_equal(table_distinct(&b), WORDS);
    for (uint64_t i = 1; i <= WORDS; i++) { /* no byte of a packed word is zero */
        uint64_t key[2] = {i * 2 | UINT64_C(0x0101010101010101), i};
        unsigned char *bytes = (unsigned char *)key;
        for (size_t at = 0; at < sizeof key; at++)
            bytes[at] |= bytes[at] == 0 ? 0x80 : 0;
        table_add_new(&c, key, 1);
    }
    unsigned char *data = pack_table(&c, &len);
    assert_non_null(data);
    table_free(&b);
    assert_true(pack_merge(&b, data, len));
    assert_int_equal(table_distinct(&b), table_distinct(&c));
    pack_free(data, len);
    table_free(&a);
    table_free(&b);
    table_free(&c);
}

static void a_packed_table_is_the_same_table(void **state)
{
    (void)state;
    table a = {0}, b = {0};
    size_t len = 0;
    add_many(&a, 0, MANY);
    unsigned char *data = pack_table(&a, &len);
    assert_non_null(data);
    assert_true(pack_merge(&b, data, len));
    assert_many(&b, MANY, 1);
    assert_true(pack_merge(&b, data, len));
    assert_many(&b, MANY, 2);
    pack_free(data, len);
    table_free(&a);
    table_free(&b);
}

static void an_empty_table_has_a_head(void **state)
{
    (void)state;
    table t = {0};
    size_t len = 0;
    unsigned char *data = pack_table(&t, &len);
    assert_non_null(data);
    assert_int_equal(len, HEAD);
    assert_true(pack_merge(&t, data, len));
    assert_int_equal(table_distinct(&t), 0);
    pack_free(data, len);
    table_free(&t);
}

static void bytes_that_are_no_table_are_refused(void **state)
{
    (void)state;
    table a = {0}, b = {0};
    size_t len = 0;
    add_many(&a, 0, 100);
    unsigned char *data = pack_table(&a, &len);
    assert_non_null(data);
    for (size_t cut = 0; cut < len; cut++) {
        unsigned char *part = malloc(cut > 0 ? cut : 1); /* a read beyond it is seen by asan */
        assert_non_null(part);
        memcpy(part, data, cut);
        assert_false(pack_merge(&b, part, cut));
        free(part);
    }
    srand(2);
    for (int round = 0; round < 20000; round++) { /* any answer, no crash */
        size_t at = (size_t)rand() % len;
        unsigned char was = data[at];
        data[at] = (unsigned char)rand();
        table c = {0};
        (void)pack_merge(&c, data, len);
        table_free(&c);
        data[at] = was;
    }
    data[HEAD + 1] = 0;
    assert_false(pack_merge(&b, data, len));
    pack_free(data, len);
    table_free(&a);
    table_free(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_every_length_are_found_again),
        cmocka_unit_test(growing_loses_nothing),
        cmocka_unit_test(a_big_word_leaves_the_chunk_in_use_in_front),
        cmocka_unit_test(merging_adds),
        cmocka_unit_test(merging_takes_no_quadratic_time),
        cmocka_unit_test(a_packed_table_is_the_same_table),
        cmocka_unit_test(an_empty_table_has_a_head),
        cmocka_unit_test(bytes_that_are_no_table_are_refused),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
