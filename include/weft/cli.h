/* weft/cli.h: one table of options, from which parsing, errors and --help come.
 *
 *     static int64_t top = 20;
 *     static const weft_option options[] = {
 *         {.name = "top", .kind = WEFT_OPT_INT, .out = &top, .arg = "K", .min = 1, .max = 1000000,
 *          .help = "print the K most frequent words"},
 *         {0}};
 *     static const weft_cli cli = {.program = "wordcount", .usage = "[OPTION]... PATH...",
 *                                  .about = "Count words.", .options = options, .min_args = 1};
 *
 * Options are written --name VALUE or --name=VALUE, with a letter also -n VALUE or -nVALUE; options
 * and arguments may be mixed; -- ends the options. --help is always there. A number is decimal.
 */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "weft/err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_opt_kind {
    WEFT_OPT_FLAG,  /* out: bool *, set to true */
    WEFT_OPT_INT,   /* out: int64_t *, within min and max */
    WEFT_OPT_TEXT,  /* out: const char **, points into argv */
    WEFT_OPT_CHOICE /* out: int *, the index in `choices` */
} weft_opt_kind;

/* One option. An array of them ends with one whose name is NULL. */
typedef struct weft_option {
    const char *name; /* without the dashes */
    char letter;      /* a single letter that means the same, or 0 */
    weft_opt_kind kind;
    void *out;
    const char *arg;            /* what the help calls the value, such as "K"; NULL for a flag */
    int64_t min, max;           /* of an INT */
    const char *const *choices; /* of a CHOICE: names, ended by NULL */
    const char *help;           /* one line, without a full stop */
} weft_option;

typedef struct weft_cli {
    const char *program;
    const char *usage; /* what follows the program's name, such as "[OPTION]... PATH..." */
    const char *about; /* a sentence or more */
    const weft_option *options;
    const char *examples; /* printed under EXAMPLES, or NULL */
    int min_args;         /* arguments besides the options */
    int max_args;         /* 0: any number */
    const char *arg_name; /* what an error calls a missing argument, such as "PATH" */
    bool stop_at_arg; /* the first argument ends the options: the rest belongs to another program */
} weft_cli;

/* Read the options out of argv. Afterwards argv[0] and the remaining arguments stand in argv, *argc
 * counts them, and argv[*argc] is NULL. If --help was given *help is true and nothing else is
 * checked.
 * Returns WEFT_OK, or WEFT_INVALID with a detail of one line that says what is wrong and what is
 * allowed, with a suggestion for a misspelt option; the outs may then be partly set.
 * Owns: nothing; texts point into argv.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_cli_parse(const weft_cli *cli, int *argc, char **argv,
                                              bool *help);

/* Print the help that the table makes.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_cli_help(const weft_cli *cli, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
