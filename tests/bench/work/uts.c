#include "work/uts.h"

#include <math.h>
#include <string.h>

#include "bench.h"

enum { MOST_CHILDREN = 100 }; /* of a geometric node */

static const uts_tree trees[] = {
    {"T1", "t1", 1, 10, 4, 0, 0, 19, 4130071},
    {"T3", "t3", 0, 0, 2000, 0.124875, 8, 42, 4112897},
    {"T1s", "t1", 1, 8, 4, 0, 0, 19, 257042},
    {"T3s", "t3", 0, 0, 2000, 0.1235, 8, 42, 391273},
};

const uts_tree *uts_find(const char *name)
{
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        if (strcmp(trees[i].name, name) == 0)
            return &trees[i];
    bench_fail("no such tree: T1, T3, T1s and T3s are known");
}

static void put_big(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (24 - 8 * i));
}

uts_node uts_root(const uts_tree *t)
{
    uint8_t seed[SHA1_BYTES] = {0};
    uts_node n = {.depth = 0};
    put_big(seed + 16, (uint32_t)t->seed);
    sha1_short(n.state, seed, sizeof seed);
    return n;
}

uts_node uts_child(const uts_node *n, int number)
{
    uint8_t message[SHA1_BYTES + 4];
    uts_node child = {.depth = n->depth + 1};
    memcpy(message, n->state, SHA1_BYTES);
    put_big(message + SHA1_BYTES, (uint32_t)number);
    sha1_short(child.state, message, sizeof message);
    return child;
}

/* The digest as a number from 0 to 1, without 1. */
static double chance(const uts_node *n)
{
    uint32_t x = 0;
    for (int i = 16; i < SHA1_BYTES; i++)
        x = x << 8 | n->state[i];
    return (double)(x & 0x7fffffffu) / 2147483648.0;
}

int uts_children(const uts_tree *t, const uts_node *n)
{
    if (!t->geometric)
        return n->depth == 0 ? (int)t->branch : chance(n) < t->inner ? t->children : 0;
    if (n->depth >= t->deepest)
        return 0;
    int many = (int)floor(log(1 - chance(n)) / log(1 - 1 / (1 + t->branch)));
    return many < MOST_CHILDREN ? many : MOST_CHILDREN;
}
