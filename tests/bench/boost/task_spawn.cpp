/* Boost.Fiber: a fiber is made, runs to its end and is joined; on one thread, as by default. With the
 * stacks that one gets by default, which are mapped anew if there are many, and with pooled ones. */
#include <algorithm>
#include <memory>
#include <vector>

#include <boost/fiber/all.hpp>

#include "bench.h"

enum { BATCH = 1000 };

static uint32_t ran[BATCH]; /* how often each fiber of a batch ran */

template <class Stacks> static boost::fibers::fiber start(Stacks &stacks, uint32_t *slot)
{
    return boost::fibers::fiber(std::allocator_arg, stacks, [slot] { ++*slot; });
}

template <class Stacks> static void batches(Stacks &stacks, int64_t count)
{
    std::vector<boost::fibers::fiber> fibers(BATCH);
    for (int64_t k = 0; k < count; k++) {
        for (int i = 0; i < BATCH; i++)
            fibers[i] = start(stacks, &ran[i]);
        for (auto &fiber : fibers)
            fiber.join();
    }
}

template <class Stacks> static void singles(Stacks &stacks, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        for (uint32_t &slot : ran)
            start(stacks, &slot).join();
}

template <class Stacks> static void measure(int64_t count, const char *batch, const char *one)
{
    Stacks stacks;
    int64_t fibers = count * BATCH;
    std::fill(ran, ran + BATCH, 0);
    batches(stacks, 1);
    int64_t begin = bench_clock();
    batches(stacks, count);
    int64_t between = bench_clock();
    singles(stacks, count);
    int64_t end = bench_clock();
    for (uint32_t times : ran)
        bench_check("how often a fiber ran", times, 1 + 2 * count);
    bench_print(batch, (double)(between - begin) / (double)fibers);
    bench_print(one, (double)(end - between) / (double)fibers);
}

int main(int argc, char **argv)
{
    int64_t count = bench_arg(argc, argv, 1, 100);
    measure<boost::fibers::default_stack>((count + 9) / 10, "batch", "one");
    measure<boost::fibers::pooled_fixedsize_stack>(count, "batch.pooled", "one.pooled");
}
