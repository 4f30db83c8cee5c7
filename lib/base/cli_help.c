#include <stdio.h>
#include <string.h>

#include "weft/cli.h"

enum { WIDTH = 79, HELP_COLUMN = 26 };

/* Print `text` by whole words, lines indented by `indent`; the first begins in column `at`. */
static void print_wrapped(FILE *out, const char *text, int at, int indent)
{
    bool first = true;
    while (*text) {
        int len = (int)strcspn(text, " \n");
        if (!first && at + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        at += fprintf(out, "%s%.*s", first ? "" : " ", len, text);
        first = false;
        text += len;
        if (*text == '\n') {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        if (*text)
            text++;
    }
    fputc('\n', out);
}

static void print_option(FILE *out, char letter, const char *name, const char *arg,
                         const char *help)
{
    char left[128];
    char short_form[8] = "    ";
    if (letter)
        snprintf(short_form, sizeof short_form, "-%c, ", letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", short_form, name, arg ? "=" : "",
                     arg ? arg : "");
    fputs(left, out);
    if (n + 2 > HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(out, "%*s", HELP_COLUMN - n, "");
    print_wrapped(out, help ? help : "", HELP_COLUMN, HELP_COLUMN);
}

void weft_cli_help(const weft_cli *cli, FILE *out)
{
    fprintf(out, "Usage: %s %s\n", cli->program, cli->usage ? cli->usage : "[OPTION]...");
    if (cli->about)
        print_wrapped(out, cli->about, 0, 0);
    fputs("\nOptions:\n", out);
    bool letter_taken = false;
    for (const weft_option *o = cli->options; o && o->name; o++) {
        print_option(out, o->letter, o->name, o->kind == WEFT_OPT_FLAG ? NULL : o->arg, o->help);
        letter_taken = letter_taken || o->letter == 'h';
    }
    print_option(out, letter_taken ? 0 : 'h', "help", NULL, "print this and exit");
    if (cli->examples)
        fprintf(out, "\nExamples:\n%s%s", cli->examples,
                cli->examples[0] && cli->examples[strlen(cli->examples) - 1] == '\n' ? "" : "\n");
}
