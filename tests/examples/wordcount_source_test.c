/* The text of files in pieces: no word is cut, none is joined over two files, whatever lies around
 * in the directories. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/wordcount/notes.c"
#include "../../examples/wordcount/pages.c"
#include "../../examples/wordcount/source.c"
#include "../../examples/wordcount/table.c"
#include "../../examples/wordcount/walk.c"
#include "../../examples/wordcount/words.c"

static char top[] = "/tmp/wordcount-source-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int enter_directory(void **state)
{
    (void)state;
    strcpy(top, "/tmp/wordcount-source-XXXXXX");
    return mkdtemp(top) == NULL || chdir(top) != 0;
}

static int leave_directory(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}

static void write_file(const char *path, const char *text, size_t times)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < times; i++)
        fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Read all of `paths`, and count the words of the pieces. Returns what was noted, to be freed. */
static char *count_paths(const char *const *paths, size_t n, table *t, bool *failed)
{
    static unsigned char piece[SOURCE_PIECE + WORDS_SLACK];
    source s;
    size_t len, said = 0;
    char *notes_text = NULL;
    FILE *said_to = open_memstream(&notes_text, &said);
    assert_true(source_init(&s, (char *const *)(uintptr_t)paths, n));
    while (!s.ended) {
        source_fill(&s, piece, &len);
        assert_true(len <= SOURCE_PIECE);
        words_count(t, piece, len);
        fwrite(s.notes.text, 1, s.notes.len, said_to);
        s.notes.len = 0;
    }
    fclose(said_to);
    table_merge(t, &s.words);
    *failed = s.notes.failed;
    source_fini(&s);
    return notes_text;
}

static uint64_t count_of(const table *t, const char *word)
{
    for (table_at at = {0}; table_next(t, &at);)
        if (at.len == strlen(word) && memcmp(at.text, word, at.len) == 0)
            return at.count;
    return 0;
}

/* Nothing is noted and nothing failed. */
static table count_quietly(const char *const *paths, size_t n)
{
    table t = {0};
    bool failed = true;
    char *said = count_paths(paths, n, &t, &failed);
    assert_string_equal(said, "");
    assert_false(failed);
    free(said);
    return t;
}

static void words_end_with_their_file(void **state)
{
    (void)state;
    write_file("a", "one", 1);
    write_file("b", "", 0);
    write_file("c", "two three", 1);
    table t = count_quietly((const char *[]){"a", "b", "c", "a"}, 4);
    assert_int_equal(count_of(&t, "one"), 2);
    assert_int_equal(count_of(&t, "two"), 1);
    assert_int_equal(count_of(&t, "three"), 1);
    assert_int_equal(table_distinct(&t), 3);
    table_free(&t);
}

static void words_are_whole_at_every_edge_of_a_piece(void **state)
{
    (void)state;
    enum { AROUND = 12 };
    for (size_t before = SOURCE_PIECE - AROUND; before < SOURCE_PIECE + AROUND; before++) {
        FILE *f = fopen("edge", "w");
        assert_non_null(f);
        fprintf(f, "%*sword", (int)before, "");
        for (int i = 0; i < SOURCE_PIECE / 4; i++)
            fputs(" abc", f);
        assert_int_equal(fclose(f), 0);
        write_file("next", "word", 1);
        table t = count_quietly((const char *[]){"edge", "next"}, 2);
        assert_int_equal(count_of(&t, "word"), 2);
        assert_int_equal(count_of(&t, "abc"), SOURCE_PIECE / 4);
        assert_int_equal(table_distinct(&t), 2);
        table_free(&t);
    }
}

static void words_around_the_length_of_a_piece_are_one_word(void **state)
{
    (void)state;
    for (size_t len = SOURCE_PIECE - 4; len < SOURCE_PIECE + 4; len++)
        for (int lead = 0; lead < 3; lead++) {
            FILE *f = fopen("long", "w");
            assert_non_null(f);
            fprintf(f, "%*s", lead, "");
            for (size_t i = 0; i < len; i++)
                putc(i % 3 == 0 ? 'L' : 'l', f);
            fputs(lead == 1 ? "" : ".end", f);
            assert_int_equal(fclose(f), 0);
            write_file("short", "end", 1);
            table t = count_quietly((const char *[]){"long", "short", "long"}, 3);
            assert_int_equal(count_of(&t, "end"), lead == 1 ? 1 : 3);
            assert_int_equal(table_distinct(&t), 2);
            for (table_at at = {0}; table_next(&t, &at);)
                assert_true(at.len == 3 || (at.len == len && at.count == 2));
            table_free(&t);
        }
}

static void a_word_of_many_pieces_is_one_word(void **state)
{
    (void)state;
    enum { TIMES = 500000 };
    write_file("long", "abcdefgh", TIMES);
    table t = count_quietly((const char *[]){"long", "long"}, 2);
    assert_int_equal(table_distinct(&t), 1);
    table_at at = {0};
    assert_true(table_next(&t, &at));
    assert_int_equal(at.len, 8 * TIMES);
    assert_int_equal(at.count, 2);
    table_free(&t);
}

static void directories_are_gone_through_and_links_in_them_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(mkdir("d/sub", 0700), 0);
    write_file("d/in", "in", 1);
    write_file("d/sub/deep", "deep", 1);
    write_file("out", "out", 1);
    assert_int_equal(symlink("../out", "d/link"), 0);
    assert_int_equal(symlink("..", "d/sub/loop"), 0);
    assert_int_equal(symlink("nowhere", "d/dangling"), 0);
    assert_int_equal(symlink("d", "given"), 0);
    table t = count_quietly((const char *[]){"given", "d/"}, 2);
    assert_int_equal(count_of(&t, "in"), 2);
    assert_int_equal(count_of(&t, "deep"), 2);
    assert_int_equal(table_distinct(&t), 2);
    table_free(&t);
}

static void what_cannot_be_read_is_named_and_the_rest_is_counted(void **state)
{
    (void)state;
    table t = {0};
    bool failed = false;
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(mkfifo("d/fifo", 0600), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    write_file("d/file", "word", 1);
    char *said = count_paths((const char *[]){"d"}, 1, &t, &failed);
    assert_string_equal(said, "wordcount: d/fifo: a FIFO, skipped\n");
    assert_false(failed);
    free(said);
    said = count_paths((const char *[]){"missing\n\033", "dangling", "/dev/null", "d"}, 4, &t,
                       &failed);
    assert_string_equal(said, "wordcount: missing??: No such file or directory\n"
                              "wordcount: dangling: No such file or directory\n"
                              "wordcount: /dev/null: a device, skipped\n"
                              "wordcount: d/fifo: a FIFO, skipped\n");
    assert_true(failed);
    free(said);
    failed = false;
    said = count_paths((const char *[]){"d/fifo"}, 1, &t, &failed);
    assert_true(failed);
    free(said);
    assert_int_equal(count_of(&t, "word"), 2);
    table_free(&t);
}

static void many_notes_lose_nothing(void **state)
{
    (void)state;
    enum { PATHS = 3000 };
    static const char *paths[PATHS];
    table t = {0};
    bool failed = false;
    write_file("file", "word", 1);
    for (int i = 0; i < PATHS; i++)
        paths[i] = i % 2 == 0 ? "a name of a file that is missing" : "file";
    char *said = count_paths(paths, PATHS, &t, &failed);
    size_t lines = 0;
    for (const char *c = said; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, PATHS / 2);
    assert_int_equal(count_of(&t, "word"), PATHS / 2);
    free(said);
    table_free(&t);
}

static void a_file_that_shrinks_ends_where_it_ends(void **state)
{
    (void)state;
    static unsigned char piece[SOURCE_PIECE + WORDS_SLACK];
    const char *const paths[] = {"file"};
    source s;
    size_t len;
    table t = {0};
    write_file("file", "word ", SOURCE_PIECE);
    assert_true(source_init(&s, (char *const *)(uintptr_t)paths, 1));
    source_fill(&s, piece, &len);
    words_count(&t, piece, len);
    assert_int_equal(truncate("file", 10), 0);
    while (!s.ended) {
        source_fill(&s, piece, &len);
        words_count(&t, piece, len);
    }
    assert_int_equal(s.notes.len, 0);
    /* What the first piece had read is there: whole words, and what was read of the last one. */
    uint64_t words = 0;
    for (table_at at = {0}; table_next(&t, &at); words += at.count)
        assert_memory_equal(at.text, "word", at.len);
    assert_int_equal(words, (SOURCE_PIECE - 1 + 4) / 5);
    source_fini(&s);
    table_free(&t);
}

static void directories_deeper_than_there_are_descriptors_are_named(void **state)
{
    (void)state;
    enum { DEPTH = 1100 };
    table t = {0};
    bool failed = false;
    struct rlimit was, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    write_file("file", "word", 1);
    for (int i = 0; i < DEPTH; i++)
        assert_true(mkdir("d", 0700) == 0 && chdir("d") == 0);
    assert_int_equal(chdir(top), 0);
    low = was;
    low.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    char *said = count_paths((const char *[]){"d", "file"}, 2, &t, &failed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(failed);
    assert_non_null(strstr(said, ": Too many open files\n"));
    assert_int_equal(count_of(&t, "word"), 1);
    free(said);
    table_free(&t);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(words_end_with_their_file),
        IN_DIRECTORY(words_are_whole_at_every_edge_of_a_piece),
        IN_DIRECTORY(words_around_the_length_of_a_piece_are_one_word),
        IN_DIRECTORY(a_word_of_many_pieces_is_one_word),
        IN_DIRECTORY(directories_are_gone_through_and_links_in_them_are_not_followed),
        IN_DIRECTORY(what_cannot_be_read_is_named_and_the_rest_is_counted),
        IN_DIRECTORY(many_notes_lose_nothing),
        IN_DIRECTORY(a_file_that_shrinks_ends_where_it_ends),
        IN_DIRECTORY(directories_deeper_than_there_are_descriptors_are_named),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
