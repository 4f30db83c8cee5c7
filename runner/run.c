#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "job.h"
#include "places.h"
#include "port/env.h"
#include "port/limit.h"
#include "port/program.h"
#include "port/random.h"
#include "show.h"
#include "team/boot.h"
#include "verbs.h"

/* Descriptors that a rank and the launcher need besides those that grow with the ranks. */
enum { SPARE_FILES = 64 };

static weft__places places = {.bind = -1};
static bool tag, show_plan;

static const weft_option options[] = {
    WEFT__PLACES_OPTIONS(places),
    {.name = "tag",
     .kind = WEFT_OPT_FLAG,
     .out = &tag,
     .help = "put the rank in front of each line of output, as in \"[3] \""},
    {.name = "plan",
     .kind = WEFT_OPT_FLAG,
     .out = &show_plan,
     .help = "show first, on standard error, where each rank runs"},
    {0}};

static const weft_cli cli = {
    .program = "weft run",
    .usage = "-n N [OPTION]... [--] PROGRAM [ARGUMENT]...",
    .about = "Start N processes of a program, each in its place, and look after them.",
    .options = options,
    .examples = "  weft run -n 4 -- ./wordcount book.txt\n"
                "  weft run -n 2 --threads 8 --bind l3 --plan -- ./simulate\n",
    .min_args = 1,
    .arg_name = "PROGRAM",
    .stop_at_arg = true,
};

static int say(int code)
{
    fprintf(stderr, "weft run: %s\n", weft_detail());
    return code;
}

/* Of an error before anything runs: what the user can change is a matter of usage. */
static int code_of(weft_err e)
{
    return e == WEFT_INVALID || e == WEFT_NOMEM ? WEFT__EXIT_USAGE
           : e == WEFT_MISSING                  ? WEFT__EXIT_MISSING
           : e == WEFT_DENIED                   ? WEFT__EXIT_DENIED
                                                : 1;
}

/* Each rank costs the launcher a bell, a process and two pipes. */
static weft_err check_files(weft__job *job)
{
    uint64_t before = weft__limit_files(0);
    uint64_t need = (uint64_t)job->ranks * 5 + SPARE_FILES;
    uint64_t rank_needs = (uint64_t)job->ranks * 2 + SPARE_FILES;
    uint64_t have = weft__limit_files(need);
    if (have < need)
        return weft__fail(WEFT_NOMEM,
                          "-n: %d ranks need %llu open files, the limit is %llu; raise it "
                          "(ulimit -n) or start at most %d",
                          job->ranks, (unsigned long long)need, (unsigned long long)have,
                          have > SPARE_FILES + 5 ? (int)((have - SPARE_FILES) / 5) : 1);
    job->descriptors = before > rank_needs ? before : rank_needs;
    return WEFT_OK;
}

static void say_crowded(const weft__machine *m, const weft__plan *plan)
{
    int cpus, cores, usable;
    weft__machine_count(m, &cpus, &cores, &usable);
    int workers = plan->place[0].workers;
    if (plan->shared)
        fprintf(stderr,
                "weft run: %d rank%s x %d worker%s on %d CPU%s: bound to the set, not to cores\n",
                plan->ranks, plan->ranks == 1 ? "" : "s", workers, workers == 1 ? "" : "s", cpus,
                cpus == 1 ? "" : "s");
    else if (plan->crowded && usable < cpus)
        fprintf(stderr,
                "weft run: %d rank%s x %d worker%s, but a quota allows the time of %d CPU%s\n",
                plan->ranks, plan->ranks == 1 ? "" : "s", workers, workers == 1 ? "" : "s", usable,
                usable == 1 ? "" : "s");
}

static weft_err plan_places(weft__job *job)
{
    weft__machine *m;
    weft_err e = weft__places_plan(&places, NULL, &m, &job->plan);
    if (e != WEFT_OK)
        return e;
    if (show_plan)
        weft__show_table(stderr, m, &job->plan);
    else
        say_crowded(m, &job->plan);
    weft__machine_free(&m);
    return WEFT_OK;
}

/* Tell each rank its place, and all of them about the job. */
static void fill_segment(weft__job *job)
{
    weft__seg_job *all = weft__seg_job_of(&job->seg);
    all->terminal = weft__tty_width(2);
    all->crowded = job->plan.crowded;
    all->launched = 1;
    for (int r = 0; r < job->ranks; r++) {
        const weft__place_plan *place = &job->plan.place[r];
        weft__seg_rank *rank = weft__seg_rank_of(&job->seg, r);
        rank->workers = (uint32_t)place->workers;
        rank->bound = place->bound;
        rank->workers_bound = place->workers_bound;
        rank->cpus = place->cpus;
        for (int w = 0; place->workers_bound && w < place->workers; w++)
            rank->worker_cpu[w] = (uint16_t)place->worker_cpu[w];
    }
}

static weft_err open_all(weft__job *job)
{
    job->rank = calloc((size_t)job->ranks, sizeof *job->rank);
    if (!job->rank)
        return weft__fail(WEFT_NOMEM, "no memory for %d ranks", job->ranks);
    weft_err e = weft__seg_create(&job->seg, job->ranks);
    if (e != WEFT_OK)
        return e;
    fill_segment(job);
    e = weft__orphans_adopt();
    if (e == WEFT_OK)
        e = weft__signals_open(&job->signals);
    if (e == WEFT_OK)
        e = weft__poller_open(&job->poller);
    if (e == WEFT_OK)
        e = weft__poller_set(&job->poller, job->signals.fd, WEFT__POLL_IN, 0);
    if (e == WEFT_OK)
        e = weft__output_open(&job->output, &job->poller, job->ranks, tag,
                              weft__seg_job_of(&job->seg)->terminal > 0);
    return e;
}

/* What the launcher holds goes with its process; this leaves nothing for a leak checker to name. */
static void close_all(weft__job *job)
{
    weft__spawn_guard_stop(&job->guard);
    weft__input_close(&job->input);
    weft__output_free(&job->output);
    if (job->seg.base)
        weft__seg_close(&job->seg);
    weft__plan_free(&job->plan);
    free(job->rank);
}

/* Start the guard, which knows what this job starts by a mark in the environment. */
static weft_err start_guard(weft__job *job)
{
    static char mark[64];
    uint64_t number;
    weft__random_bytes(&number, sizeof number);
    snprintf(mark, sizeof mark, WEFT__JOB_VARIABLE "_ID=%016" PRIx64, number);
    weft__env_set(mark);
    return weft__spawn_guard_start(&job->guard, job->ranks, mark);
}

static int run_job(weft__job *job)
{
    weft_err e = start_guard(job);
    if (e == WEFT_OK)
        e = plan_places(job);
    if (e == WEFT_OK)
        e = open_all(job);
    if (e != WEFT_OK)
        return say(code_of(e));
    e = weft__ranks_start(job);
    if (e != WEFT_OK) {
        weft__output_say(&job->output, "weft run: %s", weft_detail());
        weft__ending_own(job, code_of(e));
    }
    return weft__job_supervise(job);
}

int weft__verb_run(int argc, char **argv)
{
    static weft__job job = {
        .input.feed = -1, .verdict.end_at = INT64_MAX, .verdict.kill_at = INT64_MAX};
    static char path[PATH_MAX];
    int code;
    if (!weft__verb_parse(&cli, &argc, argv, &code))
        return code;
    weft_err e = WEFT_OK;
    if (places.ranks == 0)
        e = weft__fail(WEFT_INVALID, "-n is missing; a whole number from 1 to %d", WEFT__RANKS_MAX);
    job.ranks = (int)places.ranks;
    if (e == WEFT_OK)
        e = weft__program_find(argv[1], path, sizeof path);
    if (e == WEFT_OK)
        e = check_files(&job);
    if (e != WEFT_OK)
        return say(code_of(e));
    job.program = path;
    job.argv = argv + 1;
    code = run_job(&job);
    close_all(&job);
    return code;
}
