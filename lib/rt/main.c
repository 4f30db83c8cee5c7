#include <stdio.h>

#include "port/pipe.h"
#include "rt/rt.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The program, as the first task. */
struct root {
    weft *w;
    int (*app)(weft *w, int argc, char **argv);
    int argc;
    char **argv;
    int code;
};

static void print_log(void *ctx, weft_level level, const char *line)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "weft: %s\n", line);
}

static weft_err run_root(void *arg)
{
    struct root *r = arg;
    r->code = r->app(r->w, r->argc, r->argv);
    weft__engine_halt(r->w);
    return WEFT_OK;
}

/* On the worker that main is. */
static weft_err run(struct root *r)
{
    weft *w = r->w;
    weft_scope s;
    weft__task *t;
    weft_scope_init(&s, weft_pool(w), "main");
    weft_err e = weft__task_create(&t, weft_pool(w), run_root, r, "main", "weft_main");
    if (e == WEFT_OK)
        e = weft__task_give_stack(t);
    if (e == WEFT_OK)
        e = weft__engine_start(w, 1);
    if (e == WEFT_OK)
        e = weft__scope_start(&s, t);
    if (e != WEFT_OK)
        return e;
    weft__engine_work(w);
    weft__engine_join(w, 1);
    weft_scope_fini(&s);
    return WEFT_OK;
}

/* Returns true if the program is to go on; else *code is its exit code. */
static bool parse(const weft_opts *opts, int *argc, char **argv, int *code)
{
    bool help = false;
    if (!opts->cli)
        return true;
    /* Every rank comes to the same answer; one of them says it. */
    bool speak = weft__boot_guess_rank() == 0;
    if (weft_cli_parse(opts->cli, argc, argv, &help) != WEFT_OK) {
        if (speak)
            fprintf(stderr, "%s: %s\n", opts->cli->program, weft_detail());
        *code = EXIT_USAGE;
        return false;
    }
    *code = 0;
    if (help && speak) {
        weft_cli_help(opts->cli, stdout);
        if (fflush(stdout) != 0) {
            fprintf(stderr, "%s: the help cannot be written\n", opts->cli->program);
            *code = EXIT_FAILED;
        }
    }
    return !help;
}

int weft_main(int argc, char **argv, const weft_opts *given,
              int (*app)(weft *w, int argc, char **argv))
{
    static const weft_opts none = WEFT_OPTS_INIT;
    struct root r = {.app = app, .argc = argc, .argv = argv, .code = EXIT_FAILED};
    /* Else the poller would be what the program takes for its standard input or output. */
    weft__fd_keep_standard();
    if (!parse(given ? given : &none, &r.argc, argv, &r.code))
        return r.code;
    /* Read after parsing: the program's options may write into it. */
    weft_opts opts = given ? *given : none;
    if (!opts.log) {
        opts.log = print_log;
        if (opts.log_level < WEFT_LOG_WARN)
            opts.log_level = WEFT_LOG_WARN;
    }
    opts.report_overflow = true;
    weft_err e = weft__rt_open(&r.w, &opts);
    if (e == WEFT_OK) {
        weft__fault_thread handlers;
        weft__fault_thread_begin(&handlers);
        e = run(&r);
        weft__fault_thread_end(&handlers);
        weft_err stopped = weft__rt_close(&r.w, WEFT_FOREVER);
        e = e == WEFT_OK ? stopped : e;
    }
    if (e == WEFT_OK)
        return r.code;
    fprintf(stderr, "weft: %s: %s\n", weft_strerror(e), weft_detail());
    return EXIT_FAILED;
}
