/* The arithmetic of places.
 *
 * P1 The CPUs that may be used stand in a list, neighbours together. A place is a stretch of this
 *    list, or of the part of it that is chosen, so that places are disjoint by construction.
 * P2 Bound to cores: as many CPUs are chosen as there are workers, first one of each core, then
 *    second threads; in the order of the list, worker after worker gets one.
 * P3 Bound to groups: as long as there are enough groups, each rank has its own, or as many as its
 *    workers need; else the ranks of a group share it out, or, if the groups are too uneven for
 *    that, all of them share out the list.
 */
#include "topo/plan.h"

#include <stdlib.h>

#include "port/err.h"

const char *const weft__bind_names[] = {"core", "l3", "numa", "package", "none", NULL};

/* The CPUs that may be used (P1), and where groups of them begin. */
typedef struct usable {
    weft__cpu *cpu;
    int count;
    int *group; /* group g is cpu[group[g]] to cpu[group[g + 1] - 1] */
    int groups;
} usable;

static int group_key(const weft__cpu *c, weft__bind bind)
{
    int key = bind == WEFT__BIND_L3 ? c->l3 : bind == WEFT__BIND_NUMA ? c->numa : -1;
    return key >= 0 ? key
                    : c->package; /* what the machine does not have is as large as a package */
}

static void usable_free(usable *u)
{
    free(u->cpu);
    free(u->group);
}

static weft_err usable_read(usable *u, const weft__machine *m, weft__bind bind)
{
    int n;
    const weft__cpu *all = weft__machine_cpus(m, &n);
    *u = (usable){.cpu = malloc((size_t)n * sizeof *u->cpu),
                  .group = malloc(((size_t)n + 1) * sizeof *u->group)};
    if (!u->cpu || !u->group) {
        usable_free(u);
        return weft__fail(WEFT_NOMEM, "plan: no memory for %d CPUs", n);
    }
    for (int i = 0; i < n; i++) {
        if (!all[i].usable)
            continue;
        if (u->count == 0 || group_key(&all[i], bind) != group_key(&u->cpu[u->count - 1], bind))
            u->group[u->groups++] = u->count;
        u->cpu[u->count++] = all[i];
    }
    u->group[u->groups] = u->count;
    return WEFT_OK;
}

/* How many CPUs the first `groups` groups have at least: the smallest stretch of so many. */
static int least_of(const usable *u, int groups)
{
    int least = u->count;
    for (int g = 0; g + groups <= u->groups; g += groups) {
        int n = u->group[g + groups] - u->group[g];
        least = n < least ? n : least;
    }
    return least;
}

static void place_cpus(weft__place_plan *p, const usable *u, int begin, int end)
{
    p->bound = true;
    for (int i = begin; i < end; i++)
        weft__cpuset_add(&p->cpus, (unsigned)u->cpu[i].number);
}

/* Stretch number `i` of `n` equal ones of [begin, end). */
static int stretch(int begin, int end, int i, int n)
{
    return begin + (int)((long long)(end - begin) * i / n);
}

/* P2: keep `want` CPUs of the list, in its order. */
static void choose(usable *u, int want)
{
    int kept = 0, level = 0, total = 0;
    /* Up to which hardware thread all are taken; of the next one only the first `rest`. */
    for (int next = 0;; level++) {
        next = 0;
        for (int i = 0, seen = 0; i < u->count; i++) {
            seen = i > 0 && u->cpu[i].core == u->cpu[i - 1].core ? seen + 1 : 0;
            next += seen == level;
        }
        if (total + next >= want || next == 0)
            break;
        total += next;
    }
    int rest = want - total, last = -1;
    for (int i = 0, seen = 0; i < u->count; i++) {
        weft__cpu c = u->cpu[i];
        seen = c.core == last ? seen + 1 : 0;
        last = c.core;
        if (seen < level || (seen == level && rest-- > 0))
            u->cpu[kept++] = c;
    }
    u->count = kept;
}

static void place_on_cores(weft__plan *plan, usable *u, int threads)
{
    choose(u, plan->ranks * threads);
    for (int r = 0; r < plan->ranks; r++) {
        weft__place_plan *p = &plan->place[r];
        place_cpus(p, u, r * threads, (r + 1) * threads);
        p->workers_bound = true;
        for (int w = 0; w < threads; w++)
            p->worker_cpu[w] = u->cpu[r * threads + w].number;
    }
}

/* P3, the second half: false if some group has fewer CPUs than its ranks have workers. */
static bool share_groups(weft__plan *plan, const usable *u, int threads, bool place)
{
    for (int g = 0; g < u->groups; g++) {
        int first = stretch(0, plan->ranks, g, u->groups);
        int end = stretch(0, plan->ranks, g + 1, u->groups), ranks = end - first;
        int low = u->group[g], high = u->group[g + 1];
        if (high - low < ranks * threads)
            return false;
        for (int r = first; place && r < end; r++)
            place_cpus(&plan->place[r], u, stretch(low, high, r - first, ranks),
                       stretch(low, high, r - first + 1, ranks));
    }
    return true;
}

static void place_on_groups(weft__plan *plan, const usable *u, int threads)
{
    int each = 1;
    while (plan->ranks * each <= u->groups && least_of(u, each) < threads)
        each++;
    if (plan->ranks * each <= u->groups) {
        for (int r = 0; r < plan->ranks; r++)
            place_cpus(&plan->place[r], u, u->group[r * each], u->group[(r + 1) * each]);
    } else if (!share_groups(plan, u, threads, false)) {
        for (int r = 0; r < plan->ranks; r++)
            place_cpus(&plan->place[r], u, stretch(0, u->count, r, plan->ranks),
                       stretch(0, u->count, r + 1, plan->ranks));
    } else {
        share_groups(plan, u, threads, true);
    }
}

static weft_err plan_alloc(weft__plan *plan, int ranks, int threads)
{
    *plan = (weft__plan){.ranks = ranks};
    plan->place = calloc((size_t)ranks, sizeof *plan->place);
    if (!plan->place)
        return weft__fail(WEFT_NOMEM, "plan: no memory for %d places", ranks);
    for (int r = 0; r < ranks; r++) {
        plan->place[r].workers = threads;
        plan->place[r].worker_cpu = calloc((size_t)threads, sizeof(int));
        if (!plan->place[r].worker_cpu) {
            weft__plan_free(plan);
            return weft__fail(WEFT_NOMEM, "plan: no memory for %d workers", threads);
        }
    }
    return WEFT_OK;
}

/* How many workers each rank has if nobody said. */
static int default_threads(const usable *u, const weft__plan_ask *ask, int usable_cpus)
{
    int threads = usable_cpus / ask->ranks;
    bool groups = ask->bind == WEFT__BIND_L3 || ask->bind == WEFT__BIND_NUMA ||
                  ask->bind == WEFT__BIND_PACKAGE;
    if (groups && ask->ranks <= u->groups && least_of(u, 1) < threads)
        threads = least_of(u, 1);
    return threads > 0 ? threads : 1;
}

weft_err weft__plan_make(const weft__machine *m, const weft__plan_ask *ask, weft__plan *plan)
{
    usable u;
    int cpus, cores, usable_cpus;
    if (ask->ranks < 1 || ask->threads < 0)
        return weft__fail(WEFT_INVALID, "plan: %d ranks with %d workers each cannot be placed",
                          ask->ranks, ask->threads);
    weft__machine_count(m, &cpus, &cores, &usable_cpus);
    weft_err e = usable_read(&u, m, ask->bind);
    if (e != WEFT_OK)
        return e;
    int threads = ask->threads > 0 ? ask->threads : default_threads(&u, ask, usable_cpus);
    long long workers = (long long)threads * ask->ranks;
    e = plan_alloc(plan, ask->ranks, threads);
    if (e != WEFT_OK)
        goto done;
    plan->crowded = workers > usable_cpus;
    plan->shared = workers > cpus && ask->bind != WEFT__BIND_NONE;
    if (plan->shared)
        for (int r = 0; r < ask->ranks; r++)
            place_cpus(&plan->place[r], &u, 0, u.count);
    else if (ask->bind == WEFT__BIND_CORE)
        place_on_cores(plan, &u, threads);
    else if (ask->bind != WEFT__BIND_NONE)
        place_on_groups(plan, &u, threads);
done:
    usable_free(&u);
    return e;
}

void weft__plan_free(weft__plan *plan)
{
    for (int r = 0; plan->place && r < plan->ranks; r++)
        free(plan->place[r].worker_cpu);
    free(plan->place);
    *plan = (weft__plan){0};
}
