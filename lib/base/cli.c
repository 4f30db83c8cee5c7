#include "weft/cli.h"

#include <inttypes.h>
#include <string.h>

#include "base/suggest.h"
#include "port/err.h"
#include "port/number.h"

enum { SUGGESTED_MAX = 64 };

/* An option as somebody wrote it: "--name" or "-x". */
typedef struct given {
    const weft_option *option;
    char shown[64];
    const char *value; /* what follows "=" or the letter, or NULL */
} given;

/* Where the reading stands. */
typedef struct reader {
    const weft_cli *cli;
    char **argv;
    int count, at; /* of argv */
    int kept;      /* arguments that are no options, moved to the front */
} reader;

static const weft_option *by_name(const weft_cli *cli, const char *name, size_t len)
{
    for (const weft_option *o = cli->options; o && o->name; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const weft_option *by_letter(const weft_cli *cli, char letter)
{
    for (const weft_option *o = cli->options; o && o->name; o++)
        if (o->letter != 0 && o->letter == letter)
            return o;
    return NULL;
}

static weft_err unknown(const weft_cli *cli, const char *shown)
{
    const char *names[SUGGESTED_MAX] = {"help"};
    int n = 1;
    for (const weft_option *o = cli->options; o && o->name && n < SUGGESTED_MAX; o++)
        names[n++] = o->name;
    const char *meant = weft__suggest(shown + strspn(shown, "-"), names, n);
    if (meant)
        return weft__fail(WEFT_INVALID, "%s: there is no such option; did you mean --%s?", shown,
                          meant);
    return weft__fail(WEFT_INVALID, "%s: there is no such option; see --help", shown);
}

static weft_err read_int(const given *g)
{
    const weft_option *o = g->option;
    if (weft__number_read(g->value, o->min, o->max, o->out))
        return WEFT_OK;
    return weft__fail(WEFT_INVALID,
                      "%s: %.100s is not allowed; a whole number from %" PRId64 " to %" PRId64,
                      g->shown, *g->value ? g->value : "an empty value", o->min, o->max);
}

static weft_err read_choice(const given *g)
{
    char all[256] = "";
    for (int i = 0; g->option->choices[i]; i++) {
        if (strcmp(g->value, g->option->choices[i]) == 0) {
            *(int *)g->option->out = i;
            return WEFT_OK;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "",
                 g->option->choices[i]);
    }
    return weft__fail(WEFT_INVALID, "%s: %.100s is not allowed; one of %s", g->shown,
                      *g->value ? g->value : "an empty value", all);
}

static weft_err store(const given *g)
{
    switch (g->option->kind) {
    case WEFT_OPT_FLAG:
        *(bool *)g->option->out = true;
        return WEFT_OK;
    case WEFT_OPT_INT:
        return read_int(g);
    case WEFT_OPT_TEXT:
        *(const char **)g->option->out = g->value;
        return WEFT_OK;
    case WEFT_OPT_CHOICE:
        return read_choice(g);
    }
    return weft__fail(WEFT_INVALID, "%s: an option of an unknown kind", g->shown);
}

/* Find the value of an option that needs one, in the same word or the next, and store it. */
static weft_err take(reader *r, given *g)
{
    const weft_option *o = g->option;
    if (o->kind == WEFT_OPT_FLAG && g->value)
        return weft__fail(WEFT_INVALID, "%s: takes no value", g->shown);
    if (o->kind != WEFT_OPT_FLAG && !g->value) {
        if (r->at >= r->count)
            return weft__fail(WEFT_INVALID, "%s: a value is missing: %s %s", g->shown, g->shown,
                              o->arg ? o->arg : "VALUE");
        g->value = r->argv[r->at++];
    }
    return store(g);
}

static weft_err read_long(reader *r, const char *word)
{
    size_t len = strcspn(word + 2, "=");
    given g = {.option = by_name(r->cli, word + 2, len)};
    snprintf(g.shown, sizeof g.shown, "%.*s", (int)(len < 60 ? len + 2 : 62), word);
    if (!g.option)
        return unknown(r->cli, g.shown);
    if (word[2 + len] == '=')
        g.value = word + 2 + len + 1;
    return take(r, &g);
}

/* Letters of flags may stand together; one with a value is the last. */
static weft_err read_letters(reader *r, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        given g = {.option = by_letter(r->cli, *c)};
        snprintf(g.shown, sizeof g.shown, "-%c", *c);
        if (!g.option) /* more than a letter: probably a name with one dash */
            return unknown(r->cli, c == word + 1 && strlen(word) < 40 ? word : g.shown);
        bool flag = g.option->kind == WEFT_OPT_FLAG;
        if (!flag && c[1])
            g.value = c + 1 + (c[1] == '=');
        weft_err e = take(r, &g);
        if (e != WEFT_OK || !flag)
            return e;
    }
    return WEFT_OK;
}

static bool is_help(const weft_cli *cli, const char *word)
{
    return strcmp(word, "--help") == 0 || (strcmp(word, "-h") == 0 && !by_letter(cli, 'h'));
}

/* Whether the help was asked for among the options. It does not count where it is the value of an
 * option or belongs to another program. */
static bool help_wanted(const weft_cli *cli, int count, char **argv)
{
    for (int i = 1; i < count && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        if (is_help(cli, word))
            return true;
        if (word[0] != '-' || word[1] == 0) {
            if (cli->stop_at_arg)
                return false;
            continue;
        }
        const weft_option *o = word[1] == '-' ? by_name(cli, word + 2, strlen(word + 2))
                                              : by_letter(cli, word[2] == 0 ? word[1] : 0);
        if (o && o->kind != WEFT_OPT_FLAG)
            i++;
    }
    return false;
}

static weft_err check_count(const weft_cli *cli, int args, char **argv)
{
    const char *name = cli->arg_name ? cli->arg_name : "argument";
    if (args < cli->min_args)
        return weft__fail(WEFT_INVALID, "missing: %s; usage: %s %s", name, cli->program,
                          cli->usage ? cli->usage : "");
    if (cli->max_args > 0 && args > cli->max_args)
        return weft__fail(WEFT_INVALID, "%.100s: one argument too many; usage: %s %s",
                          argv[cli->max_args + 1], cli->program, cli->usage ? cli->usage : "");
    return WEFT_OK;
}

weft_err weft_cli_parse(const weft_cli *cli, int *argc, char **argv, bool *help)
{
    reader r = {.cli = cli, .argv = argv, .count = *argc, .at = 1, .kept = 1};
    *help = help_wanted(cli, *argc, argv);
    if (*help)
        return WEFT_OK;
    bool options = true;
    while (r.at < r.count) {
        char *word = argv[r.at++];
        weft_err e = WEFT_OK;
        if (!options || word[0] != '-' || word[1] == 0) {
            argv[r.kept++] = word;
            options = options && !cli->stop_at_arg;
        } else if (strcmp(word, "--") == 0) {
            options = false;
        } else {
            e = word[1] == '-' ? read_long(&r, word) : read_letters(&r, word);
        }
        if (e != WEFT_OK)
            return e;
    }
    weft_err e = check_count(cli, r.kept > 0 ? r.kept - 1 : 0, argv);
    if (e != WEFT_OK)
        return e;
    if (r.kept <= *argc) {
        *argc = r.kept;
        argv[r.kept] = NULL;
    }
    return WEFT_OK;
}
