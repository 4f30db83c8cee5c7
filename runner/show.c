#include "show.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 79 };

/* "0-3,8" into `text`; what does not fit ends in "...". */
static void cpus_text(const weft__cpuset *set, char *text, size_t cap)
{
    size_t len = 0;
    text[0] = 0;
    for (int c = 0; c < WEFT__CPUS_MAX; c++) {
        if (!weft__cpuset_has(set, (unsigned)c))
            continue;
        int first = c;
        while (weft__cpuset_has(set, (unsigned)c + 1))
            c++;
        if (len + 32 > cap) {
            snprintf(text + len, cap - len, ",...");
            return;
        }
        len += (size_t)snprintf(text + len, cap - len, first == c ? "%s%d" : "%s%d-%d",
                                len ? "," : "", first, c);
    }
}

static const char *how_bound(const weft__plan *plan)
{
    const weft__place_plan *p = &plan->place[0];
    if (!p->bound)
        return "not bound";
    if (plan->shared)
        return "bound to the set, not to cores";
    return p->workers_bound ? "each worker bound to a core" : "each rank bound to its CPUs";
}

void weft__show_table(FILE *out, const weft__machine *m, const weft__plan *plan)
{
    int cpus, cores, usable;
    weft__machine_count(m, &cpus, &cores, &usable);
    fprintf(out, "%d rank%s x %d worker%s on %d CPU%s (%d core%s): %s\n", plan->ranks,
            plan->ranks == 1 ? "" : "s", plan->place[0].workers,
            plan->place[0].workers == 1 ? "" : "s", cpus, cpus == 1 ? "" : "s", cores,
            cores == 1 ? "" : "s", how_bound(plan));
    if (usable < cpus)
        fprintf(out, "a quota allows the time of %d CPU%s\n", usable, usable == 1 ? "" : "s");
    fprintf(out, "%5s  %7s  %s\n", "RANK", "WORKERS", "CPUS");
    for (int r = 0; r < plan->ranks; r++) {
        const weft__place_plan *p = &plan->place[r];
        char text[256] = "any";
        if (p->bound)
            cpus_text(&p->cpus, text, sizeof text);
        fprintf(out, "%5d  %7d  %s\n", r, p->workers, text);
    }
}

/* Whose each CPU is: a rank, or -1. */
static int *owners_of(const weft__plan *plan)
{
    int *owner = malloc(WEFT__CPUS_MAX * sizeof *owner);
    for (int c = 0; owner && c < WEFT__CPUS_MAX; c++)
        owner[c] = -1;
    for (int r = 0; owner && r < plan->ranks; r++)
        for (int c = 0; c < WEFT__CPUS_MAX; c++)
            if (weft__cpuset_has(&plan->place[r].cpus, (unsigned)c))
                owner[c] = r;
    return owner;
}

/* The headings of the parts that CPU `i` is the first of. Returns how far its cores are indented,
 * negative if they go on in the same parts. A single memory node is no part. */
static int print_headings(FILE *out, const weft__cpu *cpu, int i, bool nodes)
{
    const weft__cpu *c = &cpu[i], *before = i > 0 ? c - 1 : NULL;
    const struct {
        const char *name;
        int is, was;
    } part[] = {{"package", c->package, before ? before->package : -2},
                {"numa", c->numa, before ? before->numa : -2},
                {"l3", c->l3, before ? before->l3 : -2}};
    int depth = 0;
    bool inside = false; /* a new part on the way: all below it are new as well */
    for (int p = 0; p < 3; p++) {
        if (part[p].is < 0 || (p == 1 && !nodes))
            continue;
        inside = inside || part[p].is != part[p].was;
        if (inside)
            fprintf(out, "\n%*s%s %d", depth * 2, "", part[p].name, part[p].is);
        depth++;
    }
    return inside || i == 0 ? depth : -depth;
}

/* A core as "[0 0]": the rank on each of its threads, "." for nobody, "-" for not ours. */
static size_t core_text(char *text, size_t cap, const weft__cpu *cpu, int count, const int *owner)
{
    size_t len = (size_t)snprintf(text, cap, "[");
    for (int i = 0; i < count && len + 24 < cap; i++) {
        int rank = owner[cpu[i].number];
        const char *gap = i > 0 ? " " : "";
        if (!cpu[i].usable)
            len += (size_t)snprintf(text + len, cap - len, "%s-", gap);
        else if (rank < 0)
            len += (size_t)snprintf(text + len, cap - len, "%s.", gap);
        else
            len += (size_t)snprintf(text + len, cap - len, "%s%d", gap, rank);
    }
    return len + (size_t)snprintf(text + len, cap - len, "]");
}

void weft__show_picture(FILE *out, const weft__machine *m, const weft__plan *plan)
{
    int count, column = 0, next;
    const weft__cpu *cpu = weft__machine_cpus(m, &count);
    bool nodes = false;
    for (int i = 1; i < count; i++)
        nodes = nodes || cpu[i].numa != cpu[0].numa;
    int *owner = plan->shared || !plan->place[0].bound ? NULL : owners_of(plan);
    if (!owner)
        return;
    for (int i = 0; i < count; i = next) {
        for (next = i + 1; next < count && cpu[next].core == cpu[i].core; next++)
            ;
        char text[256];
        int depth = print_headings(out, cpu, i, nodes);
        int len = (int)core_text(text, sizeof text, cpu + i, next - i, owner);
        if (depth >= 0 || column + len + 1 > LINE_WIDTH)
            column = fprintf(out, "\n%*s", abs(depth) * 2, "") - 1;
        else
            column += fprintf(out, " ");
        column += fprintf(out, "%s", text);
    }
    fputc('\n', out);
    free(owner);
}

void weft__show_json(FILE *out, const weft__machine *m, const weft__plan *plan)
{
    int cpus, cores, usable;
    weft__machine_count(m, &cpus, &cores, &usable);
    fprintf(out, "{\"cpus\":%d,\"cores\":%d,\"usable\":%d,\"crowded\":%s,\"ranks\":[", cpus, cores,
            usable, plan->crowded ? "true" : "false");
    for (int r = 0; r < plan->ranks; r++) {
        const weft__place_plan *p = &plan->place[r];
        fprintf(out, "%s{\"rank\":%d,\"workers\":%d,\"bound\":%s,\"cpus\":[", r ? "," : "", r,
                p->workers, p->bound ? "true" : "false");
        const char *gap = "";
        for (int c = 0; c < WEFT__CPUS_MAX; c++)
            if (weft__cpuset_has(&p->cpus, (unsigned)c)) {
                fprintf(out, "%s%d", gap, c);
                gap = ",";
            }
        fputs("],\"worker_cpus\":[", out);
        for (int w = 0; p->workers_bound && w < p->workers; w++)
            fprintf(out, "%s%d", w ? "," : "", p->worker_cpu[w]);
        fputs("]}", out);
    }
    fputs("]}\n", out);
}
