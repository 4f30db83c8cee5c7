/* What is printed: the order of the words, errors of writing, the closing line, the progress line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/parts/bar.c"
#include "../../examples/wordcount/pages.c"
#include "../../examples/wordcount/progress.c"
#include "../../examples/wordcount/report.c"
#include "../../examples/wordcount/table.c"

static void add(table *t, const char *word, uint64_t count)
{
    unsigned char text[64] = {0};
    memcpy(text, word, strlen(word));
    table_add(t, text, strlen(word), count);
}

static void assert_printed(const table *t, size_t top, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(report_words(t, top, out), 0);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void more_frequent_words_come_first_then_smaller_bytes(void **state)
{
    (void)state;
    table t = {0};
    assert_printed(&t, 20, "");
    add(&t, "prefixed", 5);
    add(&t, "prefixedlonger", 5);
    add(&t, "prefixedlongerthansixteen", 5);
    add(&t, "prefixedlongerthansixteenbytes", 5);
    add(&t, "pre", 5);
    add(&t, "\xff", 5);
    add(&t, "rare", 1);
    add(&t, "often", 18446744073709551615U);
    static const char all[] = "18446744073709551615\toften\n5\tpre\n5\tprefixed\n"
                              "5\tprefixedlonger\n5\tprefixedlongerthansixteen\n"
                              "5\tprefixedlongerthansixteenbytes\n5\t\xff\n1\trare\n";
    assert_printed(&t, SIZE_MAX, all);
    assert_printed(&t, 8, all);
    assert_printed(&t, 2, "18446744073709551615\toften\n5\tpre\n");
    assert_printed(&t, 1, "18446744073709551615\toften\n");
    table_free(&t);
}

static void the_first_words_are_the_first_of_all(void **state)
{
    (void)state;
    table t = {0};
    srand(3);
    for (int i = 0; i < 5000; i++) {
        char word[16];
        snprintf(word, sizeof word, "w%d", rand() % 2000);
        add(&t, word, (uint64_t)(rand() % 3));
    }
    char *all = NULL, *some = NULL;
    size_t all_len = 0, some_len = 0;
    FILE *out = open_memstream(&all, &all_len);
    assert_int_equal(report_words(&t, SIZE_MAX, out), 0);
    fclose(out);
    for (size_t top = 1; top < 1500; top = top * 2 + 1) {
        out = open_memstream(&some, &some_len);
        assert_int_equal(report_words(&t, top, out), 0);
        fclose(out);
        assert_true(some_len > 0 && some_len < all_len);
        assert_memory_equal(some, all, some_len);
        free(some);
    }
    free(all);
    table_free(&t);
}

static void a_full_device_is_an_error(void **state)
{
    (void)state;
    table t = {0};
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    add(&t, "word", 1);
    assert_int_equal(report_words(&t, 20, out), ENOSPC);
    fclose(out);
    table_free(&t);
}

static void the_closing_line_has_all_figures(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    report_totals sum = {1234, 56700000, 8901234, 56789, 0.42, 2, 1};
    FILE *out = open_memstream(&text, &len);
    report_line(&sum, out);
    fclose(out);
    assert_string_equal(text, "1234 files, 56.7 MB, 8901234 words, 56789 distinct, 0.42 s, "
                              "135.0 MB/s, 2 processes x 1 thread\n");
    free(text);
}

static void the_progress_fits_every_width(void **state)
{
    (void)state;
    char line[LINE];
    progress p = {.started = 0, .done = 50000000, .total = 200000000, .whole = true};
    const int64_t now = 500000000;
    for (p.bar.width = 1; p.bar.width < 300; p.bar.width++) {
        size_t len = progress_line(&p, now, line, sizeof line);
        assert_true(len < (size_t)p.bar.width && len < sizeof line);
        assert_int_equal(strlen(line), len);
    }
    p.bar.width = 80;
    progress_line(&p, now, line, sizeof line);
    assert_string_equal(line, "[=========                            ] "
                              "50.0 of 200.0 MB, 100.0 MB/s, 0:02 left");
    p.whole = false;
    progress_line(&p, now, line, sizeof line);
    assert_string_equal(line, "50.0 MB, 100.0 MB/s");
    p.whole = true;
    p.total = 40000000; /* a file grew since it was looked at */
    progress_line(&p, now, line, sizeof line);
    assert_string_equal(line, "50.0 MB, 100.0 MB/s");
    p.done = p.total = 0;
    progress_line(&p, 0, line, sizeof line);
    assert_string_equal(line, "0.0 of 0.0 MB, 0.0 MB/s");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_frequent_words_come_first_then_smaller_bytes),
        cmocka_unit_test(the_first_words_are_the_first_of_all),
        cmocka_unit_test(a_full_device_is_an_error),
        cmocka_unit_test(the_closing_line_has_all_figures),
        cmocka_unit_test(the_progress_fits_every_width),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
