/* What a start that fails says: which of program, interpreter and directory it was.
 * ctest: serial */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "loop/root.h"
#include "port/err.h"
#include "weft/process.h"

/* A file `name` that may be run; its path. */
static const char *script(const char *name, const char *text)
{
    const char *path = in_root(name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0700) != 0)
        abort();
    return path;
}

static weft_err start(const char *program, const char *dir)
{
    weft_process *p = NULL;
    const char *argv[] = {program, NULL};
    weft_err e = weft_process_start(w, &p, &(weft_command){.argv = argv, .dir = dir});
    weft_process_close(&p);
    return e;
}

#define SAYS(text)     MUST(strstr(weft_detail(), (text)))
#define SAYS_NOT(text) MUST(!strstr(weft_detail(), (text)))

static weft_err without_interpreter(void *arg)
{
    (void)arg;
    const char *path = script("one", "#!/no/such/shell\necho\n");
    MUST(start(path, NULL) == WEFT_MISSING);
    SAYS(path);
    SAYS("interpreter /no/such/shell of");
    MUST(start(script("two", "#! \t/no/such/shell -x\necho\n"), NULL) == WEFT_MISSING);
    SAYS("interpreter /no/such/shell of");
    MUST(start(script("three", "#!/no/such/shell"), NULL) == WEFT_MISSING);
    SAYS("interpreter /no/such/shell of");
    MUST(start(script("four", "#!/bin/sh\r\necho\r\n"), NULL) == WEFT_MISSING);
    SAYS("interpreter /bin/sh\\r of");
    MUST(start(script("five", "#!/etc/passwd/sh\necho\n"), NULL) == WEFT_MISSING);
    SAYS("interpreter /etc/passwd/sh of");
    MUST(start(script("six", "#!/etc/passwd\necho\n"), NULL) == WEFT_DENIED);
    SAYS("interpreter /etc/passwd of");
    /* A path that counts from the directory, and an interpreter that does. */
    script("seven", "#!bin/shell\necho\n");
    MUST(start("./seven", root) == WEFT_MISSING);
    SAYS("./seven");
    SAYS("interpreter bin/shell of");
    SAYS(root);
    SAYS_NOT("working directory");
    return WEFT_OK;
}

static void a_missing_interpreter_is_named_with_the_script(void **state)
{
    (void)state;
    run(without_interpreter, NULL);
    ok(without_interpreter(NULL));
}

/* A program of this machine, but for a loader that is not there. */
static weft_err without_loader(void *arg)
{
    (void)arg;
    char text[512], path[160];
    const char *copy = "f=$1/loader; cp /bin/true $f; i=$(LC_ALL=C grep -abo '/lib[^ ]*/ld-' $f | "
                       "head -1 | cut -d: -f1); test -n \"$i\" || exit 9; "
                       "printf /LIB | dd of=$f bs=1 seek=$i conv=notrunc 2>/dev/null";
    snprintf(text, sizeof text, "set -- %s; %s", root, copy);
    int r = system(text);
    if (WIFEXITED(r) && WEXITSTATUS(r) == 9)
        return WEFT_OK; /* one that needs no loader */
    MUST(r == 0);
    snprintf(path, sizeof path, "%s/loader", root);
    MUST(start(path, NULL) == WEFT_MISSING);
    SAYS(path);
    SAYS("loader that it names");
    return WEFT_OK;
}

static void a_missing_loader_is_the_reason(void **state)
{
    (void)state;
    run(without_loader, NULL);
}

static weft_err without_directory(void *arg)
{
    (void)arg;
    char file[160];
    snprintf(file, sizeof file, "working directory: %s",
             script("file", "#!/no/such/shell\n")); /* which is not the reason */
    const char *path = file + strlen("working directory: ");
    MUST(start("true", "/nowhere/at/all") == WEFT_MISSING);
    SAYS("working directory: /nowhere/at/all: No such file");
    SAYS("cannot run: ");
    MUST(start("true", path) == WEFT_MISSING);
    SAYS(file);
    SAYS("Not a directory");
    MUST(start("./true", path) == WEFT_MISSING);
    SAYS(file);
    MUST(start(path, "/nowhere/at/all") == WEFT_MISSING);
    SAYS("working directory: /nowhere/at/all");
    SAYS_NOT("interpreter");
    /* The directory is there, and the program is not. */
    MUST(start("./no-such-program", root) == WEFT_MISSING);
    SAYS("./no-such-program: No such file");
    SAYS(root);
    SAYS_NOT("working directory");
    MUST(start("/nowhere/at/all", NULL) == WEFT_MISSING);
    SAYS("/nowhere/at/all: No such file");
    SAYS_NOT("working directory");
    return WEFT_OK;
}

static void a_missing_directory_is_the_reason(void **state)
{
    (void)state;
    run(without_directory, NULL);
    ok(without_directory(NULL));
}

/* Somebody has it open for writing: what would run is not what is going to be there. */
static weft_err while_written(void *arg)
{
    char line[256], path[160];
    (void)arg;
    snprintf(path, sizeof path, "%s/busy", root);
    snprintf(line, sizeof line, "cp /bin/true %s", path);
    MUST(system(line) == 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    MUST(fd >= 0);
    MUST(start(path, NULL) == WEFT_INUSE);
    SAYS("cannot run: ");
    SAYS(path);
    MUST(start("./busy", root) == WEFT_INUSE);
    SAYS("./busy");
    SAYS_NOT("working directory");
    close(fd);
    MUST(start(path, NULL) == WEFT_OK);
    return WEFT_OK;
}

static void a_program_that_somebody_writes_is_in_use(void **state)
{
    (void)state;
    run(while_written, NULL);
    ok(while_written(NULL));
}

/* More than any system passes on: 128 KiB in one argument, or a quarter of the stack in all. */
static weft_err with_too_much(void *arg)
{
    static char much[4 << 20];
    weft_process *p = NULL;
    (void)arg;
    memset(much, 'x', sizeof much - 1);
    const char *argv[] = {"true", much, NULL};
    MUST(weft_process_start(w, &p, &(weft_command){.argv = argv}) == WEFT_INVALID);
    SAYS("true");
    SAYS("too long");
    const char *few[] = {"true", NULL}, *env[] = {much, NULL};
    MUST(weft_process_start(w, &p, &(weft_command){.argv = few, .env = env}) == WEFT_INVALID);
    SAYS("environment");
    SAYS("too long");
    MUST(!p);
    return WEFT_OK;
}

static void arguments_that_are_too_long_are_the_reason(void **state)
{
    (void)state;
    run(with_too_much, NULL);
    ok(with_too_much(NULL));
}

/* Nobody may run it, not even the superuser, whatever it names. */
static weft_err without_leave(void *arg)
{
    static const char *const texts[] = {"#!/no/such/shell\n", "#!/bin/sh\necho\n", "\177ELF"};
    (void)arg;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = script("closed", texts[i]);
        MUST(chmod(path, 0600) == 0);
        MUST(start(path, NULL) == WEFT_DENIED);
        SAYS("cannot run: ");
        SAYS(path);
        SAYS("chmod +x");
        SAYS_NOT("loader");
        SAYS_NOT("interpreter");
    }
    return WEFT_OK;
}

static void a_program_that_may_not_be_run_is_denied(void **state)
{
    (void)state;
    run(without_leave, NULL);
    ok(without_leave(NULL));
}

/* The superuser may work everywhere: for whoever is that, the user nobody tries it, in a process of its own. */
static const char *self;
static const char as_nobody[] = "--as-nobody";

static void try_as_nobody(void)
{
    char said[2048];
    fflush(stdout);
    int status = run_self(self, as_nobody, said, sizeof said);
    if (status != 0)
        fail_msg("status %x: %s", (unsigned)status, said);
}

static bool become_nobody(void)
{
    const unsigned nobody = 65534;
    if (setgid(nobody) != 0 || setuid(nobody) != 0)
        return false;
    prctl(PR_SET_DUMPABLE, 1); /* a sanitizer looks into its process in the end */
    return geteuid() == nobody;
}

static void a_directory_that_is_closed_is_the_reason(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        try_as_nobody();
        return;
    }
    assert_int_equal(chmod(root, 0600), 0);
    weft_err e = start("true", root);
    assert_int_equal(chmod(root, 0700), 0);
    assert_int_equal(e, WEFT_DENIED);
    assert_non_null(strstr(weft_detail(), "working directory"));
    assert_non_null(strstr(weft_detail(), root));
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_root, teardown_root)
    const struct CMUnitTest tests[] = {
        T(a_missing_interpreter_is_named_with_the_script),
        T(a_missing_loader_is_the_reason),
        T(a_missing_directory_is_the_reason),
        T(a_program_that_somebody_writes_is_in_use),
        T(arguments_that_are_too_long_are_the_reason),
        T(a_program_that_may_not_be_run_is_denied),
        T(a_directory_that_is_closed_is_the_reason),
    };
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], as_nobody) == 0) {
        if (!become_nobody())
            return 1;
        cmocka_set_test_filter("a_directory_that_is_closed_is_the_reason");
    } else if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
