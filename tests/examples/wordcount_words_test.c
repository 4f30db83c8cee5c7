/* What a word is, and that every word of a text is counted once, wherever the blocks in which the
 * text is worked through end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/wordcount/pages.c"
#include "../../examples/wordcount/table.c"
#include "../../examples/wordcount/words.c"

enum { TEXT = 3 * STRETCH + 100 };

static uint64_t count_of(const table *t, const char *word)
{
    for (table_at at = {0}; table_next(t, &at);)
        if (at.len == strlen(word) && memcmp(at.text, word, at.len) == 0)
            return at.count;
    return 0;
}

static table count_text(const char *text, size_t len)
{
    table t = {0};
    unsigned char *copy = malloc(len + WORDS_SLACK);
    assert_non_null(copy);
    memcpy(copy, text, len);
    memset(copy + len, 'x', WORDS_SLACK); /* what lies behind a text is none of it */
    words_count(&t, copy, len);
    free(copy);
    return t;
}

static void a_word_is_a_run_of_letters_and_high_bytes(void **state)
{
    (void)state;
    static const char text[] = "The the THE @[`{ a1b\0c_d na\xc3\xafve NA\xc3\xafVE \xff z";
    table t = count_text(text, sizeof text - 1);
    assert_int_equal(count_of(&t, "the"), 3);
    assert_int_equal(count_of(&t, "a"), 1);
    assert_int_equal(count_of(&t, "b"), 1);
    assert_int_equal(count_of(&t, "c"), 1);
    assert_int_equal(count_of(&t, "d"), 1);
    assert_int_equal(count_of(&t, "na\xc3\xafve"), 2);
    assert_int_equal(count_of(&t, "\xff"), 1);
    assert_int_equal(count_of(&t, "z"), 1);
    assert_int_equal(table_distinct(&t), 8);
    table_free(&t);
}

static void every_byte_is_of_a_word_or_not(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        char text[1] = {(char)c};
        table t = count_text(text, 1);
        assert_int_equal(words_byte((unsigned char)c), letter);
        assert_int_equal(table_distinct(&t), letter);
        table_free(&t);
    }
}

/* The same by one byte after the other. */
static void count_slowly(table *t, const unsigned char *text, size_t len)
{
    unsigned char word[TEXT + TABLE_SHORT];
    size_t n = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && words_byte(text[i])) {
            bool upper = text[i] >= 'A' && text[i] <= 'Z';
            word[n++] = (unsigned char)(upper ? text[i] + 32 : text[i]);
        } else if (n > 0) {
            table_add(t, word, n, 1);
            n = 0;
        }
    }
}

static void assert_same(const table *a, const table *b)
{
    assert_int_equal(table_distinct(a), table_distinct(b));
    for (table_at at = {0}; table_next(a, &at);) {
        bool found = false;
        for (table_at bt = {0}; !found && table_next(b, &bt);)
            found =
                at.len == bt.len && memcmp(at.text, bt.text, at.len) == 0 && at.count == bt.count;
        assert_true(found);
    }
}

static void words_are_whole_at_every_edge_of_a_block(void **state)
{
    (void)state;
    static unsigned char text[TEXT + WORDS_SLACK];
    for (size_t len = 0; len < 3 * BLOCK; len++)
        for (size_t gap = 0; gap <= len; gap++) {
            table fast = {0}, slow = {0};
            memset(text, 'A', len);
            if (gap < len)
                text[gap] = ' ';
            count_slowly(&slow, text, len);
            words_count(&fast, text, len);
            assert_same(&fast, &slow);
            table_free(&fast);
            table_free(&slow);
        }
}

static void random_texts_are_counted_as_one_by_one(void **state)
{
    (void)state;
    static const unsigned char letters[] = "abAZ \n\0\xc3\x80z";
    static unsigned char text[TEXT + WORDS_SLACK];
    srand(1);
    for (int round = 0; round < 60; round++) {
        table fast = {0}, slow = {0};
        size_t len = (size_t)rand() % TEXT;
        int kinds = 2 + rand() % 9; /* with few kinds of bytes there are long words */
        for (size_t i = 0; i < len; i++)
            text[i] = letters[rand() % 40 == 0 ? 4 : rand() % kinds];
        if (round % 4 == 0) /* a word longer than a stretch */
            memset(text, 'q', len);
        count_slowly(&slow, text, len);
        words_count(&fast, text, len);
        uint64_t words = 0, expected = 0;
        for (table_at at = {0}; table_next(&fast, &at);)
            words += at.count;
        for (table_at at = {0}; table_next(&slow, &at);)
            expected += at.count;
        assert_int_equal(words, expected);
        if (table_distinct(&slow) < 500)
            assert_same(&fast, &slow);
        table_free(&fast);
        table_free(&slow);
    }
}

static void head_and_tail_measure_words(void **state)
{
    (void)state;
    static const unsigned char text[] = "ab cde";
    assert_int_equal(words_head(text, 6), 2);
    assert_int_equal(words_tail(text, 6), 3);
    assert_int_equal(words_tail(text, 3), 0);
    assert_int_equal(words_head(text + 2, 1), 0);
    assert_int_equal(words_tail(text, 2), 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_a_run_of_letters_and_high_bytes),
        cmocka_unit_test(every_byte_is_of_a_word_or_not),
        cmocka_unit_test(words_are_whole_at_every_edge_of_a_block),
        cmocka_unit_test(random_texts_are_counted_as_one_by_one),
        cmocka_unit_test(head_and_tail_measure_words),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
