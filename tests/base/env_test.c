#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/env.h"

extern char **environ;

static int setup(void **state)
{
    (void)state;
    clearenv();
    return 0;
}

static void test_unset_and_empty_leave_the_default(void **state)
{
    (void)state;
    int64_t n = 42;
    bool flag = true;
    int choice = 7;
    static const char *const links[] = {"shm", "zmq", NULL};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weft__env_int("WEFT_THREADS", 1, 9, &n), WEFT_OK);
        assert_int_equal(weft__env_flag("WEFT_ALONE", &flag), WEFT_OK);
        assert_int_equal(weft__env_choice("WEFT_LINK", links, &choice), WEFT_OK);
        assert_int_equal(n, 42);
        assert_true(flag);
        assert_int_equal(choice, 7);
        setenv("WEFT_THREADS", "", 1);
        setenv("WEFT_ALONE", "", 1);
        setenv("WEFT_LINK", "", 1);
    }
}

static void test_values_are_read(void **state)
{
    (void)state;
    int64_t n = 0;
    bool flag = false;
    int choice = -1;
    static const char *const links[] = {"shm", "zmq", NULL};
    setenv("WEFT_THREADS", "3", 1);
    setenv("WEFT_ALONE", "1", 1);
    setenv("WEFT_LINK", "zmq", 1);
    assert_int_equal(weft__env_int("WEFT_THREADS", 1, 9, &n), WEFT_OK);
    assert_int_equal(n, 3);
    assert_int_equal(weft__env_flag("WEFT_ALONE", &flag), WEFT_OK);
    assert_true(flag);
    assert_int_equal(weft__env_choice("WEFT_LINK", links, &choice), WEFT_OK);
    assert_int_equal(choice, 1);
    setenv("WEFT_ALONE", "0", 1);
    assert_int_equal(weft__env_flag("WEFT_ALONE", &flag), WEFT_OK);
    assert_false(flag);
}

static void test_errors_name_variable_value_and_what_is_allowed(void **state)
{
    (void)state;
    int64_t n = 42;
    bool flag = true;
    int choice = 7;
    static const char *const links[] = {"shm", "zmq", NULL};
    setenv("WEFT_THREADS", "0", 1);
    setenv("WEFT_ALONE", "yes", 1);
    setenv("WEFT_LINK", "tcp", 1);
    assert_int_equal(weft__env_int("WEFT_THREADS", 1, 9, &n), WEFT_INVALID);
    assert_string_equal(weft_detail(), "WEFT_THREADS=0 is not allowed; a whole number from 1 to 9");
    assert_int_equal(weft__env_flag("WEFT_ALONE", &flag), WEFT_INVALID);
    assert_string_equal(weft_detail(), "WEFT_ALONE=yes is not allowed; 0 or 1");
    assert_int_equal(weft__env_choice("WEFT_LINK", links, &choice), WEFT_INVALID);
    assert_string_equal(weft_detail(), "WEFT_LINK=tcp is not allowed; one of shm, zmq");
    assert_int_equal(n, 42);
    assert_true(flag);
    assert_int_equal(choice, 7);
}

static void test_a_misspelt_variable_is_found(void **state)
{
    (void)state;
    assert_null(weft__env_unknown());
    setenv("HOME", "/", 1);
    setenv("WEFT", "1", 1);
    setenv("WEFT_JOB", "0:3:4", 1);
    setenv("WEFT_JOB_ID", "x", 1);
    setenv("WEFT_TEST_SHORT", "1", 1);
    setenv("WEFT_BUILD_BIN", "/", 1);
    setenv("WEFT_SOURCE_DIR", "/", 1);
    for (const weft__env_var *v = weft__env_table; v->name; v++)
        setenv(v->name, "1", 1);
    assert_null(weft__env_unknown());
    setenv("WEFT_THREAD", "1", 1);
    assert_string_equal(weft__env_unknown(), "WEFT_THREAD (did you mean WEFT_THREADS?)");
    unsetenv("WEFT_THREAD");
    setenv("WEFT_QUITE_SOMETHING_ELSE", "1", 1);
    assert_string_equal(weft__env_unknown(), "WEFT_QUITE_SOMETHING_ELSE");
}

static void test_every_variable_is_explained(void **state)
{
    (void)state;
    int n = 0;
    for (const weft__env_var *v = weft__env_table; v->name; v++, n++) {
        assert_true(strncmp(v->name, "WEFT_", 5) == 0);
        assert_true(strlen(v->values) > 0);
        assert_true(strlen(v->help) > 0);
    }
    assert_int_equal(n, 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_unset_and_empty_leave_the_default, setup),
        cmocka_unit_test_setup(test_values_are_read, setup),
        cmocka_unit_test_setup(test_errors_name_variable_value_and_what_is_allowed, setup),
        cmocka_unit_test_setup(test_a_misspelt_variable_is_found, setup),
        cmocka_unit_test_setup(test_every_variable_is_explained, setup),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
