#include "verbs.h"

#include <stdio.h>

bool weft__verb_parse(const weft_cli *cli, int *argc, char **argv, int *code)
{
    bool help;
    if (weft_cli_parse(cli, argc, argv, &help) != WEFT_OK) {
        fprintf(stderr, "%s: %s\n", cli->program, weft_detail());
        *code = WEFT__EXIT_USAGE;
        return false;
    }
    if (help) {
        weft_cli_help(cli, stdout);
        *code = weft__verb_flush(cli->program);
        return false;
    }
    return true;
}

int weft__verb_flush(const char *program)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "%s: standard output cannot be written\n", program);
    return 1;
}
