/* weft/rt.h: starting and stopping; the runtime and its places.
 *
 * A program that is weft from the start hands its main over. The same binary runs alone, under
 * `weft run -n N -- prog` and under mpirun; how it was started is found out here:
 *
 *     static int app(weft *w, int argc, char **argv)
 *     {
 *         printf("rank %d of %d\n", weft_rank(w), weft_size(w));
 *         return 0;
 *     }
 *     int main(int argc, char **argv) { return weft_main(argc, argv, NULL, app); }
 *
 * A program with its own main, threads or MPI_Init calls weft_start and weft_stop instead.
 *
 * The runtime belongs to whoever started it. A process may start and stop weft as often as it likes,
 * one runtime after the other, alone and under mpirun, where each start joins the job again and all
 * ranks make the same starts. Under `weft run` a rank joins its job once.
 */
#ifndef WEFT_RT_H
#define WEFT_RT_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/cli.h"
#include "weft/err.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A runtime: this process's workers, its loop and its membership in a team. */
typedef struct weft weft;
/* Where a task runs. Places live as long as their runtime. */
typedef struct weft_place weft_place;
/* The processes of this job. */
typedef struct weft_team weft_team;

typedef enum weft_level { WEFT_LOG_ERROR, WEFT_LOG_WARN, WEFT_LOG_INFO, WEFT_LOG_DEBUG } weft_level;

/* Receives one line of the log, without a line end. Called from any thread, never twice at once; it
 * must not call weft or wait for anything that does. */
typedef void (*weft_log_fn)(void *ctx, weft_level level, const char *line);

/* How to start. Zero is the default of every field: `weft_opts o = WEFT_OPTS_INIT;` */
typedef struct weft_opts {
    const weft_cli *cli; /* weft_main only: the program's options, parsed before anything starts */
    int threads; /* workers of the pool; 0: WEFT_THREADS, else this process's share of the CPUs */
    size_t
        stack_size;  /* bytes of address space of a task's stack; 0: WEFT_STACK_KIB, else 256 KiB */
    weft_log_fn log; /* NULL: weft_main prints warnings and errors, weft_start is silent */
    void *log_ctx;
    weft_level
        log_level; /* the least urgent level passed to `log`; 0 (errors only) is the default */
    bool mpi_serialized; /* the program called MPI_Init_thread itself with MPI_THREAD_SERIALIZED and
                             promises that it never calls MPI while weft runs */
    int watchdog_ms; /* name tasks that compute for longer without a wait; 0: WEFT_WATCHDOG, else
                            never (in the dev preset: 1000) */
    size_t large_stack_size; /* that of the first task and of tasks at weft_threads; 0: 8 MiB */
    size_t max_stacks;    /* how many tasks can have begun and wait; 0: 1,048,576. One more cannot
                                wait: WEFT_NOMEM. Where guard pages are mappings (Linux before 6.13)
                                vm.max_map_count comes first: about 32,000 */
    bool unguarded;       /* no guard pages: an overflow is only seen once it has happened, when its
                                task waits or ends, and aborts */
    bool report_overflow; /* handle SIGSEGV and SIGBUS: name the task that overflowed its stack on
                                standard error, then go on with the handler that was there.
                                weft_main always does */
    void *spare[6];       /* room to grow: leave it zero */
} weft_opts;

#ifdef __cplusplus
#define WEFT_OPTS_INIT                                                                             \
    {                                                                                              \
    }
#else
#define WEFT_OPTS_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }
#endif

/* Run `app` as the first task of a runtime on this thread, then stop and give its code back.
 * Parses opts->cli first if there is one: a wrong option prints one line, --help the help, on rank 0.
 * Prints warnings and errors to standard error. A standard descriptor that is closed becomes the null device, for
 * reading only, so that nothing else takes its place. With one worker and no network link the process has
 * exactly one thread.
 * Returns the exit code for main: that of `app`, 2 for a wrong option, 1 if it could not start.
 * Owns: nothing.   Caller: the program's main thread.   Switches: no (it is the worker). */
WEFT_API int weft_main(int argc, char **argv, const weft_opts *opts,
                       int (*app)(weft *w, int argc, char **argv));

/* Start a runtime beside the calling thread, which may then submit and wait as a thread.
 * Returns WEFT_OK, WEFT_INVALID (options, marks of a job that cannot be joined), WEFT_NOMEM,
 * WEFT_MISSING (a plug-in), WEFT_LATE (another rank did not come) or WEFT_SYS.
 * Owns: the caller owns *w until weft_stop.   Caller: a thread.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_start(weft **w, const weft_opts *opts);

/* Leave the team, end the workers, free everything and set *w to NULL; does nothing if *w is NULL. All
 * scopes must be finished. What was sent is delivered first, or until `by`.
 * Returns WEFT_OK, or WEFT_LATE if some of what was sent could not be delivered by then (it is
 * stopped and freed all the same).   Owns: takes the runtime.
 * Caller: the thread that called weft_start; a task aborts with its place in the source.
 * Switches: no. */
#define weft_stop(w, by) weft_stop_at((w), (by), WEFT_HERE)
WEFT_API weft_err weft_stop_at(weft **w, weft_deadline by, const char *where);

/* The runtime that runs the calling task.
 * Returns NULL on a thread that is no task.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft *weft_here(void);

/* This process's number in the job, 0 to weft_size - 1.
 * Returns the rank.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_rank(const weft *w);

/* How many processes the job has.
 * Returns 1 or more.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_size(const weft *w);

/* How many workers the pool of this process has.
 * Returns 1 or more.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_workers(const weft *w);

/* The processes of this job, as a team.
 * Returns the team, which lives as long as `w`.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_team *weft_job(weft *w);

/* How this process is joined to its peers: "none" (alone), "shm", "zmq" or "mpi".
 * Returns a static string.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API const char *weft_link_name(const weft *w);

/* The pool: tasks run in parallel on the workers.
 * Returns the place.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_place *weft_pool(weft *w);

/* The loop: tasks run one at a time, on whichever worker is free; one that waits lets the next run.
 * Returns the place.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_place *weft_loop(weft *w);

/* The threads: each task has an operating system thread, and may block it. Threads stay for 2 s for the
 * next task; there are at most 1024, and what comes on top, blocking calls too, waits for one.
 * Returns the place.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_place *weft_threads(weft *w);

/* The width of the terminal that standard error of the job leads to, also through the launcher.
 * Returns columns, or 0 if it is no terminal.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_terminal(const weft *w);

/* The version of the library that runs, such as "0.1.0".
 * Returns a static string.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API const char *weft_version(void);

#ifdef __cplusplus
}
#endif
#endif
