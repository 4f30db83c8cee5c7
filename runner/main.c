#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "port/pipe.h"
#include "verbs.h"
#include "weft/rt.h"

static int verb_version(int argc, char **argv);
static int verb_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    {"run", weft__verb_run, "start a program as several processes that know one another"},
    {"plan", weft__verb_plan, "show where run would put them"},
    {"env", weft__verb_env, "show the environment variables that weft heeds"},
    {"version", verb_version, "show the version"},
    {"help", verb_help, "show this, or with a verb what that can do"},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int find(const char *name)
{
    for (int i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return i;
    return -1;
}

static void print_help(FILE *out)
{
    fputs("Usage: weft VERB [OPTION]...\n"
          "Start and look after programs that are made with weft, or any others.\n\nVerbs:\n",
          out);
    for (int i = 0; i < VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
    fputs("\n`weft VERB --help` says more.\n", out);
}

static int unknown_verb(const char *name)
{
    const char *names[VERBS];
    for (int i = 0; i < VERBS; i++)
        names[i] = verbs[i].name;
    const char *meant = weft__suggest(name, names, VERBS);
    if (meant)
        fprintf(stderr, "weft: %s: there is no such verb; did you mean %s?\n", name, meant);
    else
        fprintf(stderr, "weft: %s: there is no such verb; run, plan, env, version or help\n", name);
    return WEFT__EXIT_USAGE;
}

static int verb_version(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "weft version: %s: takes no argument\n", argv[1]);
        return WEFT__EXIT_USAGE;
    }
    printf("weft %s\n", weft_version());
    return weft__verb_flush("weft version");
}

static int verb_help(int argc, char **argv)
{
    if (argc > 1) {
        static char help[] = "--help";
        int verb = find(argv[1]);
        if (verb < 0)
            return unknown_verb(argv[1]);
        if (verbs[verb].run != verb_version && verbs[verb].run != verb_help)
            return verbs[verb].run(2, (char *[]){argv[1], help, NULL});
    }
    print_help(stdout);
    return weft__verb_flush("weft help");
}

int main(int argc, char **argv)
{
    weft__fd_keep_standard();
    if (argc < 2) {
        fprintf(stderr, "weft: a verb is missing; run, plan, env, version or help\n");
        return WEFT__EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    int verb = find(name);
    return verb < 0 ? unknown_verb(name) : verbs[verb].run(argc - 1, argv + 1);
}
