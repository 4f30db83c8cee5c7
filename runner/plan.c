#include "places.h"
#include "show.h"
#include "verbs.h"

static weft__places places = {.bind = -1};
static const char *machine;
static bool json;

static const weft_option options[] = {
    WEFT__PLACES_OPTIONS(places),
    {.name = "machine",
     .letter = 'm',
     .kind = WEFT_OPT_TEXT,
     .out = &machine,
     .arg = "SYNTHETIC|FILE.xml",
     .help = "plan for another machine, described as hwloc does; default: this one"},
    {.name = "json", .kind = WEFT_OPT_FLAG, .out = &json, .help = "print JSON"},
    {0}};

static const weft_cli cli = {
    .program = "weft plan",
    .usage = "-n N [OPTION]...",
    .about = "Show where `weft run` with the same options would put each rank and its workers.",
    .options = options,
    .examples = "  weft plan -n 4\n"
                "  weft plan -n 2 --bind l3 --machine \"package:2 l3:2 core:4 pu:2\"\n",
};

int weft__verb_plan(int argc, char **argv)
{
    int code;
    weft__machine *m;
    weft__plan plan;
    if (!weft__verb_parse(&cli, &argc, argv, &code))
        return code;
    if (argc > 1) {
        fprintf(stderr, "weft plan: %s: there is nothing to start here; only options\n", argv[1]);
        return WEFT__EXIT_USAGE;
    }
    weft_err e = weft__places_plan(&places, machine, &m, &plan);
    if (e != WEFT_OK) {
        fprintf(stderr, "weft plan: %s\n", weft_detail());
        return e == WEFT_INVALID ? WEFT__EXIT_USAGE : 1;
    }
    if (json) {
        weft__show_json(stdout, m, &plan);
    } else {
        weft__show_table(stdout, m, &plan);
        weft__show_picture(stdout, m, &plan);
    }
    weft__plan_free(&plan);
    weft__machine_free(&m);
    return weft__verb_flush("weft plan");
}
