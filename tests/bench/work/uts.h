/* work/uts.h: the Unbalanced Tree Search (Olivier, Huan, Liu, Prins, Dinan, Sadayappan, Tseng: "UTS: An
 * Unbalanced Tree Search Benchmark", LCPC 2006). A node is a SHA-1 digest: the root's that of the seed,
 * a child's that of its parent's followed by its number. The digest, read as a number, says how many
 * children a node has, so nobody knows how large a part of the tree is before it was searched. */
#ifndef BENCH_UTS_H
#define BENCH_UTS_H

#include <stdint.h>

#include "work/sha1.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uts_node {
    uint8_t state[SHA1_BYTES];
    int depth;
} uts_node;

/* A tree of a known size; the options are those of the original program. */
typedef struct uts_tree {
    const char *name, *metric; /* metric: what the bench of this tree prints */
    int geometric;             /* -t 1, of the fixed shape (-a 3); else -t 0, binomial */
    int deepest;               /* -d: geometric: nodes there have no children */
    double branch;             /* -b: geometric: children on the average; binomial: the root's */
    double inner;              /* -q: binomial: how probable children are */
    int children;              /* -m: binomial: how many it has then */
    int seed;                  /* -r */
    int64_t nodes;
} uts_tree;

/* The tree called `name`: T1, T3, or T1s and T3s, the small ones of a short run. Another name ends the
 * program. */
const uts_tree *uts_find(const char *name);
uts_node uts_root(const uts_tree *t);
int uts_children(const uts_tree *t, const uts_node *n);
uts_node uts_child(const uts_node *n, int number);

#ifdef __cplusplus
}
#endif
#endif
