/* wordcount: count the words of files, with as many processes as it is started as.
 *
 *     wordcount PATH...                       one process, a worker for each core
 *     weft run -n 4 -- wordcount PATH...      four processes on this machine
 *     mpirun -n 4 wordcount PATH...           four processes wherever mpirun puts them
 *
 * Rank 0 reads the files and puts their text into a shared queue, in pieces (produce.c). Every rank
 * takes pieces and counts their words (count.c, words.c, table.c). The tables come together on rank
 * 0 (collect.c), which prints them (report.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "count.h"
#include "produce.h"
#include "report.h"
#include "weft/weft.h"

enum {
    EXIT_INCOMPLETE = 1,           /* something could not be counted, or not be printed */
    OPEN_S = 60,                   /* how long ranks wait for each other at the start, in seconds */
    QUEUE_BYTES = 8 * 1024 * 1024, /* of text that is read and not counted yet */
    OUTPUT_BUFFER = 1024 * 1024
};

static int64_t top = 20, threads;
static bool all;

static const weft_option options[] = {
    {.name = "top",
     .kind = WEFT_OPT_INT,
     .out = &top,
     .arg = "K",
     .min = 1,
     .max = 1000000000,
     .help = "print the K most frequent words; 20 if not given"},
    {.name = "all",
     .kind = WEFT_OPT_FLAG,
     .out = &all,
     .help = "print all words, whatever --top says"},
    {.name = "threads",
     .kind = WEFT_OPT_INT,
     .out = &threads,
     .arg = "T",
     .min = 1,
     .max = 256,
     .help = "worker threads of each process; its share of the cores if not given"},
    {0}};

static const weft_cli cli = {
    .program = "wordcount",
    .usage = "[OPTION]... PATH...",
    .about = "Count the words in files and, recursively, in directories. A word is a run of ASCII "
             "letters and bytes of 0x80 or more; letters are counted in lower case. Prints "
             "COUNT<TAB>WORD, the most frequent first. A symbolic link is followed if it is a "
             "PATH, not if it is met in a directory. FIFOs, sockets and devices are "
             "skipped.\n\nExit code: 0; 1 if something could not be counted (a FIFO, socket or "
             "device only if it is a PATH) or the output not be written; 2 for wrong usage.",
    .options = options,
    .examples = "wordcount --top 10 /usr/share/doc\n"
                "weft run -n 4 -- wordcount --all book.txt\n"
                "mpirun -n 4 wordcount --threads 1 /data",
    .min_args = 1,
    .arg_name = "PATH"};

/* A table to be printed by a blocking call. */
typedef struct printing {
    const table *words;
    size_t top;
    int error;
} printing;

static weft_err print_words(void *arg)
{
    printing *p = arg;
    p->error = report_words(p->words, p->top, stdout);
    return WEFT_OK;
}

static int complain(const failure *f)
{
    fprintf(stderr, "wordcount: %s\n", f->text);
    return EXIT_INCOMPLETE;
}

/* Print the words and the closing line. Quiet if whoever reads the words has had enough. */
static int report(weft *w, const table *words, const producer *p)
{
    printing print = {.words = words, .top = all ? SIZE_MAX : (size_t)top};
    failure f = {0};
    failure_set(&f, "printing", weft_blocking(w, print_words, &print));
    if (f.error != WEFT_OK)
        return complain(&f);
    if (print.error == EPIPE)
        return p->source.notes.failed ? EXIT_INCOMPLETE : 0;
    if (print.error != 0) {
        fprintf(stderr, "wordcount: standard output: %s\n", strerror(print.error));
        return EXIT_INCOMPLETE;
    }
    const report_totals sum = {
        .files = p->source.files,
        .bytes = p->source.bytes,
        .words = report_count(words),
        .distinct = table_distinct(words),
        .seconds = (double)(weft_clock() - p->progress.started) / 1e9,
        .processes = weft_size(w),
        .threads = weft_workers(w),
    };
    report_line(&sum, stderr);
    return p->source.notes.failed ? EXIT_INCOMPLETE : 0;
}

/* Rank 0: read while counting, then collect and print. */
static int lead(weft *w, weft_queue *q, char **paths, size_t n)
{
    producer p;
    table words = {0};
    failure f = {0};
    weft_scope reading;
    if (!produce_init(&p, w, q, paths, n))
        failure_memory(&p.failure, "reading");
    weft_scope_init(&reading, weft_loop(w), "reading");
    if (p.failure.error == WEFT_OK)
        failure_set(&p.failure, "reading", weft_go(&reading, produce, &p));
    if (p.failure.error != WEFT_OK)
        weft_queue_end(q);
    count_pieces(w, q, &words, &f);
    if (f.error != WEFT_OK) /* nobody may be left to take pieces */
        weft_scope_cancel(&reading);
    failure_set(&p.failure, "reading", weft_scope_join(&reading, WEFT_FOREVER));
    weft_scope_fini(&reading);
    table_merge(&words, &p.source.words);
    collect_words(w, &words, &f);
    if (words.failed)
        failure_memory(&f, "counting");
    if (p.failure.error != WEFT_OK)
        f = p.failure;
    int code = f.error == WEFT_OK ? report(w, &words, &p) : complain(&f);
    table_free(&words);
    produce_fini(&p);
    return code;
}

/* The other ranks: count. They say nothing if rank 0 left: whoever ended that has said why. */
static int follow(weft *w, weft_queue *q)
{
    table words = {0};
    failure f = {0};
    count_pieces(w, q, &words, &f);
    collect_words(w, &words, &f);
    table_free(&words);
    if (f.error == WEFT_LOST)
        return EXIT_INCOMPLETE;
    return f.error == WEFT_OK ? 0 : complain(&f);
}

static int app(weft *w, int argc, char **argv)
{
    const weft_queue_opts bounds = {.max_bytes = QUEUE_BYTES};
    bool leads = weft_rank(w) == 0;
    weft_queue *q = NULL;
    failure f = {0};
    weft_err e = weft_queue_open(&q, weft_job(w), "pieces", leads ? WEFT_BOTH : WEFT_CONSUMER,
                                 &bounds, weft_in_s(OPEN_S));
    failure_set(&f, "starting", e);
    if (e != WEFT_OK)
        return leads || e != WEFT_LOST ? complain(&f) : EXIT_INCOMPLETE;
    int code = leads ? lead(w, q, argv + 1, (size_t)argc - 1) : follow(w, q);
    weft_queue_close(&q);
    return code;
}

/* The number of threads is needed before weft starts and says what is wrong with the options: find
 * it in a copy of the arguments. */
static int wanted_threads(int argc, char **argv)
{
    bool help = false;
    char **copy = malloc(((size_t)argc + 1) * sizeof *copy);
    if (copy == NULL)
        return 0;
    memcpy(copy, argv, ((size_t)argc + 1) * sizeof *copy);
    weft_err e = weft_cli_parse(&cli, &argc, copy, &help);
    free(copy);
    return e == WEFT_OK ? (int)threads : 0;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.cli = &cli;
    opts.threads = wanted_threads(argc, argv);
    /* A reader of the words that leaves early ends the printing, not the process. */
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
    return weft_main(argc, argv, &opts, app);
}
