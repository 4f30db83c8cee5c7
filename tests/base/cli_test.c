#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/suggest.h"
#include "weft/cli.h"

static int64_t top;
static bool all;
static const char *name;
static int color;
static const char *const colors[] = {"red", "green", NULL};

static const weft_option options[] = {
    {.name = "top",
     .letter = 't',
     .kind = WEFT_OPT_INT,
     .out = &top,
     .arg = "K",
     .min = 1,
     .max = 1000000,
     .help = "print the K most frequent words"},
    {.name = "all", .letter = 'a', .kind = WEFT_OPT_FLAG, .out = &all, .help = "print all"},
    {.name = "name", .kind = WEFT_OPT_TEXT, .out = &name, .arg = "NAME", .help = "a name"},
    {.name = "color",
     .letter = 'c',
     .kind = WEFT_OPT_CHOICE,
     .out = &color,
     .arg = "COLOR",
     .choices = colors,
     .help = "a help text that is so long that it has to go on in a second line of the screen"},
    {0}};

static weft_cli cli;
static char *words[32];
static int count;
static bool help;

/* Parse a line of words that are separated by blanks; "''" is an empty one. */
static weft_err parse(const char *line)
{
    static char text[512];
    strcpy(text, line);
    count = 0;
    words[count++] = (char *)(uintptr_t) "prog";
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        words[count++] = strcmp(w, "''") == 0 ? w + 2 : w;
    words[count] = NULL;
    return weft_cli_parse(&cli, &count, words, &help);
}

static void fails(const char *line, const char *message)
{
    assert_int_equal(parse(line), WEFT_INVALID);
    assert_string_equal(weft_detail(), message);
}

static int setup(void **state)
{
    (void)state;
    cli = (weft_cli){.program = "prog",
                     .usage = "[OPTION]... PATH...",
                     .about = "Do something.",
                     .options = options};
    top = 20;
    all = help = false;
    name = NULL;
    color = -1;
    return 0;
}

static void test_every_way_to_write_an_option(void **state)
{
    (void)state;
    assert_int_equal(parse("--top 5 --name=x --color green -a"), WEFT_OK);
    assert_int_equal(top, 5);
    assert_string_equal(name, "x");
    assert_int_equal(color, 1);
    assert_true(all);
    assert_int_equal(parse("-t7 -cred"), WEFT_OK);
    assert_int_equal(top, 7);
    assert_int_equal(color, 0);
    assert_int_equal(parse("-t 8 --name="), WEFT_OK);
    assert_int_equal(top, 8);
    assert_string_equal(name, "");
    all = false;
    assert_int_equal(parse("-at9"), WEFT_OK);
    assert_true(all);
    assert_int_equal(top, 9);
    assert_int_equal(parse("--name --top"), WEFT_OK);
    assert_string_equal(name, "--top");
}

static void test_arguments_are_what_is_left(void **state)
{
    (void)state;
    assert_int_equal(parse("a --top 3 - b -- --all -x"), WEFT_OK);
    assert_int_equal(count, 6);
    assert_string_equal(words[1], "a");
    assert_string_equal(words[2], "-");
    assert_string_equal(words[3], "b");
    assert_string_equal(words[4], "--all");
    assert_string_equal(words[5], "-x");
    assert_null(words[6]);
    assert_false(all);
}

static void test_numbers_are_strict(void **state)
{
    (void)state;
    fails("--top 0", "--top: 0 is not allowed; a whole number from 1 to 1000000");
    fails("-t x", "-t: x is not allowed; a whole number from 1 to 1000000");
    fails("--top=", "--top: an empty value is not allowed; a whole number from 1 to 1000000");
    static const char *const wrong[] = {"-1",
                                        "+1",
                                        "1.0",
                                        "1e3",
                                        "0x10",
                                        "1 ",
                                        "--",
                                        "1k",
                                        "",
                                        "-",
                                        "1000001",
                                        "9223372036854775808",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64];
        snprintf(text, sizeof text, "--top=%s", wrong[i]);
        char *argv[] = {text, text, NULL};
        int argc = 2;
        if (wrong[i][0] && wrong[i][strlen(wrong[i]) - 1] != ' ')
            assert_int_equal(parse(text), WEFT_INVALID);
        assert_int_equal(weft_cli_parse(&cli, &argc, argv, &help), WEFT_INVALID);
    }
    assert_int_equal(top, 20);
    assert_int_equal(parse("--top 1000000"), WEFT_OK);
    assert_int_equal(parse("--top 007"), WEFT_OK);
    assert_int_equal(top, 7);
}

static void test_limits_of_a_number(void **state)
{
    (void)state;
    const weft_option wide[] = {
        {.name = "n", .kind = WEFT_OPT_INT, .out = &top, .min = INT64_MIN, .max = INT64_MAX}, {0}};
    cli.options = wide;
    assert_int_equal(parse("--n -9223372036854775808"), WEFT_OK);
    assert_true(top == INT64_MIN);
    assert_int_equal(parse("--n 9223372036854775807"), WEFT_OK);
    assert_true(top == INT64_MAX);
    assert_int_equal(parse("--n 9223372036854775808"), WEFT_INVALID);
    assert_int_equal(parse("--n -9223372036854775809"), WEFT_INVALID);
}

static void test_one_line_says_what_is_wrong(void **state)
{
    (void)state;
    fails("--tpo 3", "--tpo: there is no such option; did you mean --top?");
    fails("--hepl", "--hepl: there is no such option; did you mean --help?");
    fails("--tpo=3", "--tpo: there is no such option; did you mean --top?");
    fails("--quite-another", "--quite-another: there is no such option; see --help");
    fails("-x", "-x: there is no such option; see --help");
    fails("-top 3", "-t: op is not allowed; a whole number from 1 to 1000000");
    fails("--top", "--top: a value is missing: --top K");
    fails("-c", "-c: a value is missing: -c COLOR");
    fails("--all=1", "--all: takes no value");
    fails("--color blue", "--color: blue is not allowed; one of red, green");
}

static void test_how_many_arguments(void **state)
{
    (void)state;
    cli.min_args = 1;
    cli.max_args = 2;
    cli.arg_name = "PATH";
    fails("--all", "missing: PATH; usage: prog [OPTION]... PATH...");
    fails("a b c", "c: one argument too many; usage: prog [OPTION]... PATH...");
    assert_int_equal(parse("a b"), WEFT_OK);
    cli.max_args = 0;
    assert_int_equal(parse("a b c d e"), WEFT_OK);
}

static void test_another_programs_options_stay(void **state)
{
    (void)state;
    cli.stop_at_arg = true;
    assert_int_equal(parse("--top 2 other --top x -- --help"), WEFT_OK);
    assert_false(help);
    assert_int_equal(top, 2);
    assert_int_equal(count, 6);
    assert_string_equal(words[1], "other");
    assert_string_equal(words[2], "--top");
    assert_string_equal(words[4], "--");
    assert_int_equal(parse("-- -x"), WEFT_OK);
    assert_string_equal(words[1], "-x");
}

static void test_help_goes_before_all_else(void **state)
{
    (void)state;
    cli.min_args = 1;
    assert_int_equal(parse("--nonsense --help"), WEFT_OK);
    assert_true(help);
    assert_int_equal(parse("-h"), WEFT_OK);
    assert_true(help);
    assert_int_equal(parse("--name --help x"), WEFT_OK);
    assert_false(help);
    assert_int_equal(parse("-- --help"), WEFT_OK);
    assert_false(help);
}

static void test_help_shows_the_table(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    cli.examples = "  prog --top 3 file";
    FILE *f = open_memstream(&text, &size);
    weft_cli_help(&cli, f);
    fclose(f);
    assert_non_null(strstr(text, "Usage: prog [OPTION]... PATH...\nDo something.\n"));
    assert_non_null(strstr(text, "  -t, --top=K             print the K most frequent words\n"));
    assert_non_null(strstr(text, "      --name=NAME         a name\n"));
    assert_non_null(strstr(text, "  -h, --help              print this and exit\n"));
    assert_non_null(strstr(text, "Examples:\n  prog --top 3 file\n"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) < 80);
    free(text);
}

static void test_no_table_and_no_words(void **state)
{
    (void)state;
    char *none[] = {NULL};
    int argc = 0;
    cli.options = NULL;
    assert_int_equal(parse("a"), WEFT_OK);
    assert_int_equal(parse("--a"), WEFT_INVALID);
    assert_int_equal(weft_cli_parse(&cli, &argc, none, &help), WEFT_OK);
    assert_int_equal(argc, 0);
}

static void test_suggestions_are_near(void **state)
{
    (void)state;
    static const char *const verbs[] = {"run", "plan", "version"};
    assert_string_equal(weft__suggest("rnu", verbs, 3), "run");
    assert_string_equal(weft__suggest("pln", verbs, 3), "plan");
    assert_string_equal(weft__suggest("vesrin", verbs, 3), "version");
    assert_null(weft__suggest("", verbs, 3));
    assert_null(weft__suggest("list", verbs, 3));
    assert_null(weft__suggest("0123456789012345678901234567890123456789x", verbs, 3));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_way_to_write_an_option, setup),
        cmocka_unit_test_setup(test_arguments_are_what_is_left, setup),
        cmocka_unit_test_setup(test_numbers_are_strict, setup),
        cmocka_unit_test_setup(test_limits_of_a_number, setup),
        cmocka_unit_test_setup(test_one_line_says_what_is_wrong, setup),
        cmocka_unit_test_setup(test_how_many_arguments, setup),
        cmocka_unit_test_setup(test_another_programs_options_stay, setup),
        cmocka_unit_test_setup(test_help_goes_before_all_else, setup),
        cmocka_unit_test_setup(test_help_shows_the_table, setup),
        cmocka_unit_test_setup(test_no_table_and_no_words, setup),
        cmocka_unit_test_setup(test_suggestions_are_near, setup),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
