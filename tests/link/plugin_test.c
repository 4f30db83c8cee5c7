/* Loading plug-ins: where they are looked for, and what is said of those that will not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/plugin.h"

static const char *built; /* WEFT_PLUGIN_DIR as it was given */
static char folder[] = "/tmp/weft-plugin-XXXXXX";
static char file[PATH_MAX];

/* The file of the plug-in `name` in the test's own folder. */
static const char *at(const char *name)
{
    snprintf(file, sizeof file, "%s/%s.so", folder, name);
    return file;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* The plug-in zmq as it was built. */
static uint8_t *read_built(size_t *len)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/zmq.so", built);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, f), *len);
    fclose(f);
    return bytes;
}

static void assert_refused(const char *name, weft_err want, const char *why)
{
    const weft__plugin *none = NULL, *p = none;
    weft_err e = weft__plugin_load(name, &p);
    if (e != want || p != none || !strstr(weft_detail(), why) || !strstr(weft_detail(), name))
        fail_msg("%s: %s: %s", name, weft_strerror(e), weft_detail());
}

static void what_was_built_is_found_and_whole(void **state)
{
    (void)state;
    const weft__plugin *p = NULL, *again = NULL;
    setenv("WEFT_PLUGIN_DIR", built, 1);
    assert_int_equal(weft__plugin_load("zmq", &p), WEFT_OK);
    assert_string_equal(p->name, "zmq");
    assert_true(p->link && p->link->open && p->link->card && p->link->join && !p->mpi);
    assert_int_equal(weft__plugin_load("zmq", &again), WEFT_OK);
    assert_ptr_equal(p, again);
}

static void a_missing_one_says_where_it_was_looked_for(void **state)
{
    (void)state;
    setenv("WEFT_PLUGIN_DIR", "/nowhere/at/all", 1);
    assert_refused("unheard-of", WEFT_MISSING, "/nowhere/at/all/unheard-of.so");
    assert_refused("unheard-of", WEFT_MISSING, "/lib/weft/unheard-of.so");
    assert_refused("unheard-of", WEFT_MISSING, "WEFT_PLUGIN_DIR");
    unsetenv("WEFT_PLUGIN_DIR");
    assert_refused("unheard-of", WEFT_MISSING, "not found");
    setenv("WEFT_PLUGIN_DIR", folder, 1);
}

static void what_is_no_library_is_refused(void **state)
{
    (void)state;
    write_file(at("garbage"), "not a library\n", 14);
    assert_refused("garbage", WEFT_MISSING, "cannot be used");
    write_file(at("empty"), "", 0);
    assert_refused("empty", WEFT_MISSING, "cannot be used");
}

static void a_library_that_is_no_plugin_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink("/usr/lib/x86_64-linux-gnu/libm.so.6", at("maths")), 0);
    if (access(file, R_OK) != 0)
        skip();
    assert_refused("maths", WEFT_INVALID, "it is none");
}

static void another_version_is_refused(void **state)
{
    (void)state;
    const uint32_t pattern[2] = {WEFT__PLUGIN_VERSION, sizeof(weft__plugin)};
    const uint32_t other[2] = {WEFT__PLUGIN_VERSION + 1, sizeof(weft__plugin)};
    size_t len, found = 0;
    uint8_t *bytes = read_built(&len);
    for (size_t i = 0; i + sizeof pattern <= len; i += sizeof(uint32_t))
        if (memcmp(bytes + i, pattern, sizeof pattern) == 0) {
            memcpy(bytes + i, other, sizeof other);
            found++;
        }
    write_file(at("later"), bytes, len);
    free(bytes);
    assert_true(found >= 1);
    assert_refused("later", WEFT_INVALID, "version 2, this library needs version 1");
}

static void one_by_another_name_is_refused(void **state)
{
    (void)state;
    size_t len;
    uint8_t *bytes = read_built(&len);
    write_file(at("alias"), bytes, len);
    free(bytes);
    assert_refused("alias", WEFT_INVALID, "it is \"zmq\"");
}

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("WEFT_PLUGIN_DIR", folder, 1) == 0 ? 0 : 1;
}

static int leave_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"garbage", "empty", "maths", "later", "alias"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(at(names[i]));
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_one_says_where_it_was_looked_for),
        cmocka_unit_test(what_is_no_library_is_refused),
        cmocka_unit_test(a_library_that_is_no_plugin_is_refused),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(one_by_another_name_is_refused),
        cmocka_unit_test(what_was_built_is_found_and_whole),
    };
    alarm(60);
    built = getenv("WEFT_PLUGIN_DIR");
    if (!built || !(built = strdup(built))) {
        fprintf(stderr, "WEFT_PLUGIN_DIR is not set: skipped\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int bad = cmocka_run_group_tests(tests, enter_folder, leave_folder);
    free((void *)(uintptr_t)built);
    return bad;
}
