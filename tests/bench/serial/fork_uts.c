#include "bench.h"
#include "serial/copies.h"
#include "work/uts.h"

static const uts_tree *tree;
static int64_t found;

static int64_t search(const uts_node *n)
{
    int64_t nodes = 1;
    int children = uts_children(tree, n);
    for (int i = 0; i < children; i++) {
        uts_node child = uts_child(n, i);
        nodes += search(&child);
    }
    return nodes;
}

static void whole(void *arg)
{
    (void)arg;
    uts_node root = uts_root(tree);
    found = search(&root);
}

static void check(void *arg)
{
    (void)arg;
    bench_check("the number of nodes", found, tree->nodes);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        tree = uts_find(argv[i]);
        bench_copies(&(bench_phases){NULL, whole, check}, NULL, tree->metric, (double)tree->nodes);
    }
    return 0;
}
