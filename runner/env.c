#include "base/env.h"
#include "verbs.h"

static const weft_option options[] = {{0}};

static const weft_cli cli = {
    .program = "weft env",
    .usage = "",
    .about = "Show the environment variables that weft heeds.",
    .options = options,
};

int weft__verb_env(int argc, char **argv)
{
    int code;
    if (!weft__verb_parse(&cli, &argc, argv, &code))
        return code;
    if (argc > 1) {
        fprintf(stderr, "weft env: %s: takes no argument\n", argv[1]);
        return WEFT__EXIT_USAGE;
    }
    for (const weft__env_var *v = weft__env_table; v->name; v++)
        printf("%-18s %s\n%-18s %s\n", v->name, v->values, "", v->help);
    return weft__verb_flush("weft env");
}
