#include "bench.h"
#include "work/uts.h"

static int64_t search(const uts_tree *t, const uts_node *n)
{
    int children = uts_children(t, n);
    int64_t nodes = 1;
    if (children == 0)
        return nodes;
    int64_t found[children];
    for (int i = 0; i < children; i++) {
#pragma omp task shared(found) firstprivate(t, n, i)
        {
            uts_node child = uts_child(n, i);
            found[i] = search(t, &child);
        }
    }
#pragma omp taskwait
    for (int i = 0; i < children; i++)
        nodes += found[i];
    return nodes;
}

static int64_t team(const uts_tree *t)
{
    uts_node root = uts_root(t);
    int64_t nodes;
#pragma omp parallel
#pragma omp single
    nodes = search(t, &root);
    return nodes;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const uts_tree *t = uts_find(argv[i]);
        int64_t begin = bench_clock();
        int64_t nodes = team(t);
        int64_t took = bench_clock() - begin;
        bench_check("the number of nodes", nodes, t->nodes);
        bench_print(t->metric, (double)took / (double)t->nodes);
    }
}
