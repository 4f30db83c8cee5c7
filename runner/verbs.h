/* verbs.h: what `weft` can do; each verb is a file of its own. */
#ifndef WEFT_RUNNER_VERBS_H
#define WEFT_RUNNER_VERBS_H

#include <stdbool.h>

#include "weft/cli.h"

enum { WEFT__EXIT_USAGE = 2, WEFT__EXIT_DENIED = 126, WEFT__EXIT_MISSING = 127 };

/* Each gets the words from its own name on and returns the exit code. */
int weft__verb_run(int argc, char **argv);
int weft__verb_plan(int argc, char **argv);
int weft__verb_env(int argc, char **argv);

/* Parse a verb's options. False: all is said and done, *code is the exit code. */
bool weft__verb_parse(const weft_cli *cli, int *argc, char **argv, int *code);

/* Standard output was written, and all of it arrived: 0, or 1 with a message. */
int weft__verb_flush(const char *program);

#endif
