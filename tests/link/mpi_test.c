/* The MPI link and joining by MPI: the suite under mpirun, every way in which a program can have
 * initialised MPI, joining twice, and ranks that do not come or do not leave. This program starts
 * itself under mpirun: "mpi_test rank WHAT" is a rank. ctest: timeout=240 */
#include "link/conformance.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link/plugin.h"
#include "port/err.h"

static const char *self;

/* A rank */

static const weft__plugin *plugin;
static weft__mpi *job;
static int rank, size;

static void on_log(void *ctx, int level, const char *format, ...)
{
    (void)ctx;
    (void)level;
    (void)format;
}

static void on_kick(void *ctx)
{
    (void)ctx;
}

static int frames, gone;

static void on_frame(void *ctx, int peer, const void *data, uint32_t len)
{
    (void)ctx;
    frames += len == 4 && memcmp(data, &peer, 4) == 0;
}

static void on_gone(void *ctx, int peer, bool lost, const char *why)
{
    (void)ctx;
    (void)peer;
    (void)why;
    gone += lost ? 1000 : 1;
}

static const weft__link_host host = {
    .fail = weft__fail, .log = on_log, .frame = on_frame, .gone = on_gone, .kick = on_kick};

static bool ok(weft_err e)
{
    if (e != WEFT_OK)
        fprintf(stderr, "rank %d: %s: %s\n", rank, weft_strerror(e), weft_detail());
    return e == WEFT_OK;
}

static bool join(bool serialized)
{
    return ok(plugin->mpi->join(&job, &host, serialized, &rank, &size));
}

/* One frame to every peer and one from each; then close. */
static bool talk(void)
{
    weft__link *link;
    weft__link_args args = {.rank = rank, .size = size, .host = &host, .mpi = job};
    if (!ok(plugin->link->open(&link, &args)))
        return false;
    frames = gone = 0;
    for (int r = 0; r < size; r++)
        while (r != rank) {
            weft_err e = plugin->link->send(link, r, &rank, sizeof rank, NULL, 0);
            if (e == WEFT_OK)
                break;
            if (e != WEFT_FULL)
                return ok(e);
            plugin->link->serve(link);
        }
    while (frames < size - 1 || !plugin->link->flushed(link))
        plugin->link->serve(link);
    plugin->link->close(link);
    return gone < 1000;
}

static bool gather(conform *c, const void *mine, void *all, uint32_t each)
{
    (void)c;
    return plugin->mpi->allgather(job, mine, all, each) == WEFT_OK;
}

static void give_job(conform *c, weft__link_args *args)
{
    (void)c;
    args->mpi = job;
}

static conform under_mpi;

static int use_mpi(void **state)
{
    *state = &under_mpi;
    return 0;
}

static int be_suite(void)
{
    const struct CMUnitTest tests[] = {CONFORMANCE};
    if (!join(false))
        return 1;
    under_mpi = (conform){.ops = plugin->link,
                          .sizes = {size},
                          .args = give_job,
                          .rank = rank,
                          .size = size,
                          .gather = gather};
    int bad = cmocka_run_group_tests(tests, use_mpi, NULL);
    plugin->mpi->leave(&job, false);
    return bad;
}

static int be_twice(void)
{
    for (int i = 0; i < 3; i++) {
        int all[16] = {0};
        if (!join(false) || size > 16 ||
            !ok(plugin->mpi->allgather(job, &rank, all, sizeof rank)) || !talk())
            return 1;
        for (int r = 0; r < size; r++)
            if (all[r] != r)
                return 1;
        plugin->mpi->leave(&job, false);
    }
    return job != NULL;
}

/* The program initialises MPI itself. The test is not linked with MPI, so it looks the calls up. */
static int be_level(int level, bool serialized, bool enough)
{
    void *mpi = dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL);
    int (*init)(int *, char ***, int, int *) = NULL;
    int (*finalize)(void) = NULL;
    int got = 0;
    *(void **)(void *)&init = mpi ? dlsym(mpi, "MPI_Init_thread") : NULL;
    *(void **)(void *)&finalize = mpi ? dlsym(mpi, "MPI_Finalize") : NULL;
    if (!init || !finalize || init(NULL, NULL, level, &got) != 0 || got != level)
        return 2;
    for (int i = 0; i < 2 && enough; i++) {
        if (!join(serialized) || !talk())
            return 3;
        plugin->mpi->leave(&job, false);
    }
    if (!enough && (plugin->mpi->join(&job, &host, serialized, &rank, &size) != WEFT_INVALID ||
                    !strstr(weft_detail(), "MPI_Init_thread")))
        return 4;
    if (finalize() != 0)
        return 5;
    bool refused = plugin->mpi->join(&job, &host, serialized, &rank, &size) == WEFT_INVALID;
    return refused && strstr(weft_detail(), "MPI_Finalize") ? 0 : 6;
}

/* One rank does not come: the others are told, and nothing hangs. */
static int be_late(void)
{
    int all[16];
    plugin->mpi->patience(1000000000);
    if (!join(false))
        return 1;
    if (rank == 0)
        return plugin->mpi->allgather(job, &rank, all, sizeof rank) == WEFT_LATE ? 7 : 0;
    alarm(30);
    for (;;)
        pause();
}

static int be_rank(const char *what)
{
    alarm(100);
    if (!ok(weft__plugin_load("mpi-openmpi", &plugin)))
        return 1;
    if (strcmp(what, "suite") == 0)
        return be_suite();
    if (strcmp(what, "twice") == 0)
        return be_twice();
    if (strcmp(what, "late") == 0)
        return be_late();
    if (strncmp(what, "level", 5) == 0 && strlen(what) == 8)
        return be_level(what[5] - '0', what[6] == 's', what[7] == '+');
    if (!join(false))
        return 1;
    if (strcmp(what, "deserter") == 0 && rank == 1) /* ends without leaving */
        return 0;
    if (strcmp(what, "abort") == 0 && rank == 1)
        plugin->mpi->leave(&job, true);
    for (;;)
        pause();
}

/* The tests */

/* Run `n` ranks that are `what`; what they print to standard error goes to `said`. */
static int run(int n, const char *what, char *said, size_t cap)
{
    char command[1024];
    snprintf(command, sizeof command,
             "timeout 110 mpirun --allow-run-as-root --oversubscribe -n %d '%s' rank %s 2>&1 %s", n,
             self, what, strcmp(what, "suite") == 0 ? "" : ">/dev/null");
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t got = fread(said, 1, cap - 1, f);
    said[got] = 0;
    char rest[4096];
    while (fread(rest, 1, sizeof rest, f) > 0)
        continue;
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* All ranks end with 0 and neither they nor mpirun say anything. */
static void run_well(int n, const char *what)
{
    char said[8192];
    int code = run(n, what, said, sizeof said);
    if (code != 0 || said[0])
        fail_msg("mpirun -n %d %s: %d: %s", n, what, code, said);
}

static void suite_passes(void **state)
{
    (void)state;
    char said[8192];
    for (int n = 2; n <= 4; n += 2)
        if (run(n, "suite", said, sizeof said) != 0)
            fail_msg("mpirun -n %d: %s", n, said);
}

static void joins_again(void **state)
{
    (void)state;
    for (int n = 1; n <= 4; n *= 2)
        run_well(n, "twice");
}

static void levels_are_checked(void **state)
{
    (void)state;
    static const char *const cases[] = {"level0p-", "level1p-", "level1s-",
                                        "level2p-", "level2s+", "level3p+"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_well(2, cases[i]);
}

static void fails(const char *what)
{
    char said[8192];
    int code = run(2, what, said, sizeof said);
    if (code == 0 || code >= 124)
        fail_msg("mpirun %s: %d: %s", what, code, said);
}

static void who_does_not_come_is_missed(void **state)
{
    (void)state;
    fails("late");
}

static void who_does_not_leave_ends_the_job(void **state)
{
    (void)state;
    fails("deserter");
}

static void a_loss_aborts_the_job(void **state)
{
    (void)state;
    fails("abort");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite_passes),
        cmocka_unit_test(joins_again),
        cmocka_unit_test(levels_are_checked),
        cmocka_unit_test(who_does_not_come_is_missed),
        cmocka_unit_test(who_does_not_leave_ends_the_job),
        cmocka_unit_test(a_loss_aborts_the_job),
    };
    self = argv[0];
    if (argc == 3 && strcmp(argv[1], "rank") == 0)
        return be_rank(argv[2]);
    alarm(220);
    if (system("mpirun --version >/dev/null 2>&1") != 0) {
        fprintf(stderr, "no mpirun: skipped\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
