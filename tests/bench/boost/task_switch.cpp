/* Boost.Fiber: two fibers that yield to one another. Boost.Context: two contexts that resume one
 * another, which is all that is below it. */
#include <boost/context/fiber.hpp>
#include <boost/fiber/all.hpp>

#include "bench.h"

namespace context = boost::context;

static double yields(int64_t times)
{
    int64_t turns = 0;
    auto partner = [&] {
        for (int64_t i = 0; i < times; i++) {
            turns++;
            boost::this_fiber::yield();
        }
    };
    int64_t begin = bench_clock();
    boost::fibers::fiber a(partner), b(partner);
    a.join();
    b.join();
    int64_t took = bench_clock() - begin;
    bench_check("the number of turns", turns, 2 * times);
    return (double)took / (double)(2 * times);
}

static double resumes(int64_t times)
{
    int64_t turns = 0;
    context::fiber other([&](context::fiber &&back) {
        for (;;) {
            turns++;
            back = std::move(back).resume();
        }
        return std::move(back);
    });
    int64_t begin = bench_clock();
    for (int64_t i = 0; i < times; i++)
        other = std::move(other).resume();
    int64_t took = bench_clock() - begin;
    bench_check("the number of turns", turns, times);
    return (double)took / (double)(2 * times);
}

int main(int argc, char **argv)
{
    int64_t times = bench_arg(argc, argv, 1, 1000000);
    yields(times / 10);
    bench_print("yield", yields(times));
    resumes(times / 10);
    bench_print("bare", resumes(10 * times));
}
