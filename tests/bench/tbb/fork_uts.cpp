#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>

#include "bench.h"
#include "work/uts.h"

static int64_t search(const uts_tree *t, const uts_node &node)
{
    int children = uts_children(t, &node);
    if (children == 0)
        return 1;
    std::vector<int64_t> found(children);
    int64_t nodes = 1;
    tbb::task_group group;
    for (int i = 0; i < children; i++)
        group.run([&, i] { found[i] = search(t, uts_child(&node, i)); });
    group.wait();
    for (int64_t some : found)
        nodes += some;
    return nodes;
}

int main(int argc, char **argv)
{
    tbb::global_control stacks(tbb::global_control::thread_stack_size, 64 << 20);
    for (int i = 1; i < argc; i++) {
        const uts_tree *t = uts_find(argv[i]);
        int64_t begin = bench_clock();
        int64_t nodes = search(t, uts_root(t));
        int64_t took = bench_clock() - begin;
        bench_check("the number of nodes", nodes, t->nodes);
        bench_print(t->metric, (double)took / (double)t->nodes);
    }
}
