#include "bench.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/uts.h"

static const uts_tree *tree;

static intptr_t search(intptr_t arg)
{
    const uts_node *node = (const uts_node *)arg;
    int n = uts_children(tree, node);
    intptr_t nodes = 1;
    if (n == 0)
        return nodes;
    uts_node next[n];
    weft_child children[n];
    for (int i = 0; i < n; i++) {
        next[i] = uts_child(node, i);
        weft_fork_value(&children[i], search, (intptr_t)&next[i]);
    }
    while (n > 0)
        nodes += weft_join_value(&children[--n], search);
    return nodes;
}

static int app(weft *w, int argc, char **argv)
{
    (void)w;
    for (int i = 1; i < argc; i++) {
        tree = uts_find(argv[i]);
        uts_node root = uts_root(tree);
        int64_t begin = bench_clock();
        int64_t nodes = search((intptr_t)&root);
        int64_t took = bench_clock() - begin;
        bench_check("the number of nodes", nodes, tree->nodes);
        bench_print(tree->metric, (double)took / (double)tree->nodes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.stack_size = 8 << 20; /* the binomial tree is more than a thousand nodes deep */
    return weft_main(argc, argv, &opts, app);
}
