/* Files and directories.
 * ctest: serial */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "loop/root.h"
#include "loop/turn.h"
#include "weft/dir.h"
#include "weft/io.h"
#include "weft/sync.h"

enum { FRESH = WEFT_FILE_READ | WEFT_FILE_WRITE | WEFT_FILE_CREATE | WEFT_FILE_EXCLUSIVE };

static weft_err write_and_read(void *arg)
{
    (void)arg;
    weft_file *f, *g;
    char text[32] = "";
    size_t got = 99;
    uint64_t size;
    MUST(weft_file_open_as(w, &f, in_root("a"), FRESH) == WEFT_OK);
    MUST(weft_file_read(f, text, sizeof text, &got) == WEFT_OK && got == 0);
    MUST(weft_file_write(f, "the quick ", 10) == WEFT_OK);
    MUST(weft_file_write(f, "brown fox", 9) == WEFT_OK);
    MUST(weft_file_size(f, &size) == WEFT_OK && size == 19);
    MUST(weft_file_sync(f) == WEFT_OK);
    MUST(weft_file_write_at(f, "Q", 1, 4) == WEFT_OK);
    MUST(weft_file_write(f, "!", 1) == WEFT_OK);
    MUST(weft_file_read_at(f, text, sizeof text, 4, &got) == WEFT_OK && got == 16);
    MUST(memcmp(text, "Quick brown fox!", 16) == 0);
    MUST(weft_file_read_at(f, text, sizeof text, 20, &got) == WEFT_OK && got == 0);
    MUST(weft_file_read_at(f, text, sizeof text, UINT64_C(1) << 40, &got) == WEFT_OK && got == 0);
    MUST(weft_file_read_at(f, text, 5, UINT64_MAX, &got) == WEFT_INVALID);
    MUST(weft_file_read_at(f, text, 5, INT64_MAX - 2, &got) == WEFT_INVALID);
    MUST(weft_file_write_at(f, text, 5, INT64_MAX - 2) == WEFT_INVALID);

    MUST(weft_file_open(w, &g, in_root("a")) == WEFT_OK);
    MUST(weft_file_read(g, text, 10, &got) == WEFT_OK && got == 10);
    MUST(memcmp(text, "the Quick ", 10) == 0);
    MUST(weft_file_read(g, text, sizeof text, &got) == WEFT_OK && got == 10);
    MUST(weft_file_read(g, text, sizeof text, &got) == WEFT_OK && got == 0);
    weft_file_close(&g);
    weft_file_close(&f);
    MUST(f == NULL && g == NULL);
    weft_file_close(&f);
    return WEFT_OK;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    run(write_and_read, NULL);
    /* A thread has the same. */
    unlink(in_root("a"));
    assert_int_equal(write_and_read(NULL), WEFT_OK);
}

static weft_err open_in_ways(void *arg)
{
    (void)arg;
    weft_file *f;
    char text[8] = "";
    size_t got;
    uint64_t size;
    MUST(weft_file_open_as(w, &f, in_root("a"), FRESH) == WEFT_OK);
    MUST(weft_file_write(f, "abcdef", 6) == WEFT_OK);
    weft_file_close(&f);
    MUST(weft_file_open_as(w, &f, in_root("a"), FRESH) == WEFT_INUSE);
    MUST(strstr(weft_detail(), in_root("a")));

    MUST(weft_file_open_as(w, &f, in_root("a"), WEFT_FILE_WRITE | WEFT_FILE_APPEND) == WEFT_OK);
    MUST(weft_file_write(f, "g", 1) == WEFT_OK);
    MUST(weft_file_write_at(f, "x", 1, 0) == WEFT_INVALID);
    MUST(weft_file_read(f, text, 1, &got) == WEFT_INVALID);
    MUST(weft_file_size(f, &size) == WEFT_OK && size == 7);
    weft_file_close(&f);

    MUST(weft_file_open(w, &f, in_root("a")) == WEFT_OK);
    MUST(weft_file_write(f, "x", 1) == WEFT_INVALID);
    MUST(weft_file_write_at(f, "x", 1, 0) == WEFT_INVALID);
    MUST(weft_file_read(f, text, sizeof text, &got) == WEFT_OK && got == 7);
    MUST(memcmp(text, "abcdefg", 7) == 0);
    weft_file_close(&f);

    unsigned empty = WEFT_FILE_WRITE | WEFT_FILE_TRUNCATE;
    MUST(weft_file_open_as(w, &f, in_root("a"), empty) == WEFT_OK);
    MUST(weft_file_size(f, &size) == WEFT_OK && size == 0);
    weft_file_close(&f);
    return WEFT_OK;
}

static void a_file_is_opened_as_the_flags_say(void **state)
{
    (void)state;
    run(open_in_ways, NULL);
    weft_file *f = NULL;
    const unsigned wrong[] = {0,
                              WEFT_FILE_CREATE,
                              WEFT_FILE_READ | WEFT_FILE_CREATE,
                              WEFT_FILE_READ | WEFT_FILE_TRUNCATE,
                              WEFT_FILE_WRITE | WEFT_FILE_EXCLUSIVE,
                              WEFT_FILE_READ | 64};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(weft_file_open_as(w, &f, in_root("b"), wrong[i]), WEFT_INVALID);
        assert_null(f);
    }
    assert_int_equal(access(in_root("b"), F_OK), -1);
}

static weft_err cannot_open(void *arg)
{
    (void)arg;
    weft_file *f = NULL;
    MUST(weft_file_open(w, &f, in_root("none")) == WEFT_MISSING);
    MUST(strstr(weft_detail(), in_root("none")));
    MUST(weft_file_open(w, &f, in_root("")) == WEFT_INVALID);
    MUST(weft_file_open_as(w, &f, in_root(""), WEFT_FILE_WRITE) == WEFT_INVALID);
    MUST(weft_file_open(w, &f, "/proc/self/status/below") == WEFT_MISSING);
    /* Not even the superuser may. */
    MUST(weft_file_open_as(w, &f, "/proc/sys/kernel/ostype", WEFT_FILE_WRITE) == WEFT_DENIED);
    MUST(f == NULL);
    return WEFT_OK;
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    run(cannot_open, NULL);
}

static weft_err fill_the_disk(void *arg)
{
    (void)arg;
    weft_file *f;
    char text[4096] = "x";
    MUST(weft_file_open_as(w, &f, "/dev/full", WEFT_FILE_WRITE) == WEFT_OK);
    MUST(weft_file_write(f, text, sizeof text) == WEFT_FULL);
    MUST(strstr(weft_detail(), "/dev/full"));
    weft_file_close(&f);
    /* A limit ends a write in the middle. */
    MUST(weft_file_open_as(w, &f, in_root("big"), FRESH) == WEFT_OK);
    MUST(weft_file_write(f, text, 1000) == WEFT_OK);
    MUST(weft_file_write(f, text, sizeof text) == WEFT_FULL);
    MUST(strstr(weft_detail(), "3096 of 4096"));
    MUST(weft_file_write_at(f, text, 1, 1 << 20) == WEFT_FULL);
    weft_file_close(&f);
    unlink(in_root("big"));
    return WEFT_OK;
}

static void a_full_disk_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){4096, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    weft_err task = run_at(weft_pool(w), fill_the_disk, NULL);
    weft_err thread = fill_the_disk(NULL); /* SIGXFSZ would end this process */
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(task, WEFT_OK);
    assert_int_equal(thread, WEFT_OK);
}

static weft_err write_to_nobody(void *arg)
{
    weft_file *f;
    MUST(weft_file_open_as(w, &f, in_root("fifo"), WEFT_FILE_WRITE) == WEFT_OK);
    close(*(int *)arg);
    MUST(weft_file_write(f, "x", 1) == WEFT_CLOSED);
    MUST(weft_file_write_at(f, "x", 1, 0) == WEFT_INVALID);
    weft_file_close(&f);
    return WEFT_OK;
}

static void a_pipe_that_nobody_reads_is_closed_without_a_signal(void **state)
{
    (void)state;
    sigset_t waiting;
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    int reader = open(in_root("fifo"), O_RDONLY | O_NONBLOCK);
    run(write_to_nobody, &reader);
    reader = open(in_root("fifo"), O_RDONLY | O_NONBLOCK);
    assert_int_equal(write_to_nobody(&reader), WEFT_OK);
    sigpending(&waiting);
    assert_int_equal(sigismember(&waiting, SIGPIPE), 0);
}

enum { WRITERS = 16, BLOCKS = 60, BLOCK = 4096 };

struct writer {
    weft_file *f;
    int number;
};

static weft_err write_blocks(void *arg)
{
    const struct writer *x = arg;
    unsigned char block[BLOCK];
    size_t got;
    for (int i = 0; i < BLOCKS; i++) {
        uint64_t at = (uint64_t)(i * WRITERS + x->number) * BLOCK;
        memset(block, x->number * 7 + i, BLOCK);
        MUST(weft_file_write_at(x->f, block, BLOCK, at) == WEFT_OK);
    }
    for (int i = 0; i < BLOCKS; i++) {
        int other = (x->number + i) % WRITERS;
        uint64_t at = (uint64_t)(i * WRITERS + x->number) * BLOCK;
        memset(block, 0, BLOCK);
        MUST(weft_file_read_at(x->f, block, BLOCK, at, &got) == WEFT_OK && got == BLOCK);
        MUST(block[0] == (unsigned char)(x->number * 7 + i) && block[BLOCK - 1] == block[0]);
        at = (uint64_t)other * BLOCK;
        MUST(weft_file_read_at(x->f, block, BLOCK, at, &got) == WEFT_OK && got <= BLOCK);
    }
    return WEFT_OK;
}

static void many_read_and_write_at_offsets_at_once(void **state)
{
    (void)state;
    weft_file *f;
    struct writer x[WRITERS];
    weft_scope s;
    uint64_t size;
    assert_int_equal(weft_file_open_as(w, &f, in_root("blocks"), FRESH), WEFT_OK);
    weft_scope_init(&s, weft_pool(w), "writers");
    for (int i = 0; i < WRITERS; i++) {
        x[i] = (struct writer){f, i};
        assert_int_equal(weft_go(&s, write_blocks, &x[i]), WEFT_OK);
    }
    weft_err e = weft_scope_join(&s, weft_in_s(50));
    if (e != WEFT_OK)
        printf("%s\n", weft_detail());
    weft_scope_fini(&s);
    assert_int_equal(e, WEFT_OK);
    assert_int_equal(weft_file_size(f, &size), WEFT_OK);
    assert_int_equal(size, WRITERS * BLOCKS * BLOCK);
    weft_file_close(&f);
}

struct turn {
    weft_file *f;
    size_t len; /* of a read */
    uint64_t at;
    size_t most; /* and there are */
    bool other;
    int reads;
};

static weft_err read_until_other(void *arg)
{
    struct turn *t = arg;
    char block[BLOCK];
    size_t got;
    for (t->reads = 0; t->reads < 100000 && !t->other; t->reads++)
        MUST(weft_file_read_at(t->f, block, t->len, t->at, &got) == WEFT_OK && got == t->most);
    MUST(t->other);
    return WEFT_OK;
}

static weft_err be_other(void *arg)
{
    ((struct turn *)arg)->other = true;
    return WEFT_OK;
}

/* Starts both. The loop runs one at a time: neither begins before this has ended. */
struct both {
    weft_scope *s;
    struct turn *t;
};

static weft_err start_both(void *arg)
{
    struct both *b = arg;
    weft_err e = weft_go(b->s, read_until_other, b->t);
    return e == WEFT_OK ? weft_go(b->s, be_other, b->t) : e;
}

static void who_reads_what_is_in_memory_gives_others_a_turn(void **state)
{
    (void)state;
    static char block[BLOCK];
    weft_file *f;
    assert_int_equal(weft_file_open_as(w, &f, in_root("turn"), FRESH), WEFT_OK);
    assert_int_equal(weft_file_write(f, block, BLOCK), WEFT_OK);
    /* Much, little, and nothing at all: who looks at the end of a file whether there is more. */
    const struct turn ways[] = {
        {f, BLOCK, 0, BLOCK, false, 0}, {f, 1, 0, 1, false, 0}, {f, BLOCK, BLOCK, 0, false, 0}};
    for (int i = 0; i < 3; i++) {
        struct turn t = ways[i];
        weft_scope s;
        struct both b = {&s, &t};
        weft_scope_init(&s, weft_loop(w), "turn");
        assert_int_equal(weft_go(&s, start_both, &b), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_s(50)), WEFT_OK);
        weft_scope_fini(&s);
        assert_true(t.reads > 0 && t.reads <= WEFT__TURN_BYTES / WEFT__TURN_CALL + 1);
    }
    weft_file_close(&f);
}

struct cancelled {
    weft_file *f;
    weft_event *begun;
    weft_err result[6];
};

static weft_err use_cancelled(void *arg)
{
    struct cancelled *c = arg;
    weft_file *f = NULL;
    weft_dir *d = NULL;
    char text[8];
    size_t got = 77;
    uint64_t size;
    weft_event_set(c->begun);
    while (!weft_cancelled())
        ignore(weft_yield());
    c->result[0] = weft_file_write(c->f, "more", 4);
    c->result[1] = weft_file_read(c->f, text, sizeof text, &got);
    c->result[2] = weft_file_open_as(w, &f, in_root("new"), FRESH);
    c->result[3] = weft_file_size(c->f, &size);
    c->result[4] = weft_file_sync(c->f);
    c->result[5] = weft_dir_open(w, &d, root);
    weft_file_close(&c->f); /* closes all the same */
    return f || d || got != 77 ? weft__fail(WEFT_STALE, "something was done") : WEFT_OK;
}

static void a_cancelled_call_does_nothing(void **state)
{
    (void)state;
    weft_event begun = WEFT_EVENT_INIT("begun");
    struct cancelled c = {.begun = &begun};
    struct stat is;
    weft_scope s;
    assert_int_equal(weft_file_open_as(w, &c.f, in_root("a"), FRESH), WEFT_OK);
    assert_int_equal(weft_file_write(c.f, "text", 4), WEFT_OK);
    weft_scope_init(&s, weft_pool(w), "cancelled");
    assert_int_equal(weft_go(&s, use_cancelled, &c), WEFT_OK);
    assert_int_equal(weft_event_wait(&begun, weft_in_s(20)), WEFT_OK);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < 6; i++)
        assert_int_equal(c.result[i], WEFT_CANCELLED);
    assert_null(c.f);
    assert_int_equal(stat(in_root("a"), &is), 0);
    assert_int_equal(is.st_size, 4);
    assert_int_equal(access(in_root("new"), F_OK), -1);
}

static weft_err open_one_more(void *arg)
{
    (void)arg;
    weft_file *f = NULL;
    weft_dir *d = NULL;
    MUST(weft_file_open(w, &f, "/dev/null") == WEFT_NOMEM);
    MUST(strstr(weft_detail(), "ulimit -n"));
    MUST(weft_dir_open(w, &d, "/") == WEFT_NOMEM);
    return f || d ? WEFT_STALE : WEFT_OK;
}

static void running_out_of_descriptors_is_an_error(void **state)
{
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int free = dup(0);
    close(free);
    none = (struct rlimit){(rlim_t)free, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    weft_err e = run_at(weft_pool(w), open_one_more, NULL);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(e, WEFT_OK);
}

enum { ENTRIES = 1000 };

static weft_err list_all(void *arg)
{
    char *seen = arg;
    weft_dir *d;
    weft_dir_entry x;
    weft_err e;
    int dirs = 0, links = 0, others = 0, number;
    MUST(weft_dir_open(w, &d, root) == WEFT_OK);
    while ((e = weft_dir_next(d, &x)) == WEFT_OK) {
        if (strcmp(x.name, "dir") == 0 && x.kind == WEFT_DIR_DIR)
            dirs++;
        else if (strcmp(x.name, "link") == 0 && x.kind == WEFT_DIR_LINK)
            links++;
        else if (strcmp(x.name, "fifo") == 0 && x.kind == WEFT_DIR_OTHER)
            others++;
        else if (sscanf(x.name, "file-%d", &number) == 1 && x.kind == WEFT_DIR_FILE)
            seen[number]++;
        else
            return weft__fail(WEFT_STALE, "%s of kind %d", x.name, (int)x.kind);
    }
    MUST(e == WEFT_CLOSED);
    MUST(weft_dir_next(d, &x) == WEFT_CLOSED);
    MUST(dirs == 1 && links == 1 && others == 1);
    weft_dir_close(&d);
    weft_dir_close(&d);
    MUST(weft_dir_open(w, &d, in_root("none")) == WEFT_MISSING);
    MUST(weft_dir_open(w, &d, in_root("file-0")) == WEFT_MISSING);
    MUST(strstr(weft_detail(), in_root("file-0")));
    return WEFT_OK;
}

static void a_directory_of_a_thousand_is_listed(void **state)
{
    (void)state;
    static char seen[ENTRIES];
    char name[32];
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        int fd = open(in_root(name), O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(mkdir(in_root("dir"), 0700), 0);
    assert_int_equal(symlink("dir", in_root("link")), 0);
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    run(list_all, seen);
    for (int i = 0; i < ENTRIES; i++)
        assert_int_equal(seen[i], 1);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_root, teardown_root)
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_read),
        T(a_file_is_opened_as_the_flags_say),
        T(what_cannot_be_opened_says_why),
        T(a_full_disk_is_an_error_and_no_signal),
        T(a_pipe_that_nobody_reads_is_closed_without_a_signal),
        T(many_read_and_write_at_offsets_at_once),
        T(who_reads_what_is_in_memory_gives_others_a_turn),
        T(a_cancelled_call_does_nothing),
        T(running_out_of_descriptors_is_an_error),
        T(a_directory_of_a_thousand_is_listed),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
