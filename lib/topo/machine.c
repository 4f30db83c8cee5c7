#include <hwloc.h>
#include <stdlib.h>

#include "port/err.h"
#include "port/thread.h"
#include "topo/plan.h"
#include "topo/quota.h"

/* hwloc's tree is read once into a flat table; nothing of hwloc stays. */
struct weft__machine {
    weft__cpu *cpus;
    int count;
    int quota; /* 0: none */
    bool real;
};

/* The number of the part of kind `type` that `pu` lies in, or -1. */
static int part_of(hwloc_topology_t t, hwloc_obj_t pu, hwloc_obj_type_t type)
{
    hwloc_obj_t part = hwloc_get_ancestor_obj_by_type(t, type, pu);
    return part ? (int)part->logical_index : -1;
}

/* Memory hangs beside the tree of the CPUs: the first node that is near to `pu`. */
static int numa_of(hwloc_topology_t t, hwloc_obj_t pu)
{
    hwloc_obj_t node = NULL;
    while ((node = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, node)))
        if (hwloc_bitmap_isset(node->cpuset, pu->os_index))
            return (int)node->logical_index;
    return -1;
}

static weft_err read_cpus(weft__machine *m, hwloc_topology_t t)
{
    int n = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PU), last_core = -2, thread = 0;
    if (n <= 0)
        return weft__fail(WEFT_INVALID, "machine: it has no CPU");
    m->cpus = calloc((size_t)n, sizeof *m->cpus);
    if (!m->cpus)
        return weft__fail(WEFT_NOMEM, "machine: no memory for %d CPUs", n);
    for (int i = 0; i < n; i++) {
        hwloc_obj_t pu = hwloc_get_obj_by_type(t, HWLOC_OBJ_PU, (unsigned)i);
        if (pu->os_index >= WEFT__CPUS_MAX)
            continue;
        int core = part_of(t, pu, HWLOC_OBJ_CORE);
        if (core < 0) /* a machine that tells of no cores: each CPU is one */
            core = (int)pu->logical_index;
        thread = core == last_core ? thread + 1 : 0;
        last_core = core;
        m->cpus[m->count++] = (weft__cpu){.number = (int)pu->os_index,
                                          .package = part_of(t, pu, HWLOC_OBJ_PACKAGE),
                                          .numa = numa_of(t, pu),
                                          .l3 = part_of(t, pu, HWLOC_OBJ_L3CACHE),
                                          .core = core,
                                          .thread = thread,
                                          .usable = true};
    }
    return WEFT_OK;
}

/* A path has a slash or ends in .xml; a synthetic description has neither. */
static bool is_file(const char *source)
{
    size_t len = strlen(source);
    return strchr(source, '/') || (len > 4 && strcmp(source + len - 4, ".xml") == 0);
}

static weft_err open_topology(hwloc_topology_t *t, const char *source)
{
    if (hwloc_topology_init(t) < 0)
        return weft__fail(WEFT_NOMEM, "machine: hwloc has no memory");
    int e = 0;
    if (source && is_file(source))
        e = hwloc_topology_set_xml(*t, source);
    else if (source)
        e = hwloc_topology_set_synthetic(*t, source);
    /* Looking for devices takes seconds on big machines and says nothing about places. */
    hwloc_topology_set_io_types_filter(*t, HWLOC_TYPE_FILTER_KEEP_NONE);
    if (e == 0)
        e = hwloc_topology_load(*t);
    if (e == 0)
        return WEFT_OK;
    hwloc_topology_destroy(*t);
    if (source)
        return weft__fail(WEFT_INVALID,
                          "machine: %.200s is neither a description such as \"package:2 core:4 "
                          "pu:2\" nor an XML file of hwloc's",
                          source);
    return weft__fail(WEFT_SYS, "machine: hwloc cannot read this machine");
}

weft_err weft__machine_load(weft__machine **out, const char *source)
{
    hwloc_topology_t t;
    weft__machine *m = calloc(1, sizeof *m);
    if (!m)
        return weft__fail(WEFT_NOMEM, "machine: no memory");
    weft_err e = open_topology(&t, source);
    if (e != WEFT_OK)
        goto fail;
    m->real = !source && hwloc_topology_is_thissystem(t);
    e = read_cpus(m, t);
    hwloc_topology_destroy(t);
    weft__cpuset mask;
    if (e == WEFT_OK && m->real)
        e = weft__thread_cpus(&mask);
    if (e == WEFT_OK && m->real)
        e = weft__machine_restrict(m, &mask, weft__quota_here());
    if (e != WEFT_OK)
        goto fail;
    *out = m;
    return WEFT_OK;
fail:
    weft__machine_free(&m);
    return e;
}

void weft__machine_free(weft__machine **m)
{
    if (!*m)
        return;
    free((*m)->cpus);
    free(*m);
    *m = NULL;
}

weft_err weft__machine_restrict(weft__machine *m, const weft__cpuset *cpus, int quota)
{
    int left = 0;
    for (int i = 0; i < m->count; i++)
        left += m->cpus[i].usable && (!cpus || weft__cpuset_has(cpus, (unsigned)m->cpus[i].number));
    if (left == 0)
        return weft__fail(WEFT_INVALID, "machine: none of its %d CPUs may be used", m->count);
    for (int i = 0; i < m->count; i++)
        if (cpus && !weft__cpuset_has(cpus, (unsigned)m->cpus[i].number))
            m->cpus[i].usable = false;
    m->quota = quota;
    return WEFT_OK;
}

void weft__machine_count(const weft__machine *m, int *cpus, int *cores, int *usable)
{
    int last = -1;
    *cpus = *cores = 0;
    for (int i = 0; i < m->count; i++) {
        if (!m->cpus[i].usable)
            continue;
        ++*cpus;
        *cores += m->cpus[i].core != last;
        last = m->cpus[i].core;
    }
    *usable = m->quota > 0 && m->quota < *cpus ? m->quota : *cpus;
}

bool weft__machine_real(const weft__machine *m)
{
    return m->real;
}

const weft__cpu *weft__machine_cpus(const weft__machine *m, int *count)
{
    *count = m->count;
    return m->cpus;
}
