#include <thread>

#include <oneapi/tbb/concurrent_queue.h>

#include "bench.h"

int main(int argc, char **argv)
{
    int64_t items = bench_arg(argc, argv, 1, 2000000), sum = 0;
    tbb::concurrent_bounded_queue<int64_t> queue;
    queue.set_capacity(1024);
    int64_t begin = bench_clock();
    std::thread producer([&] {
        bench_pin(0);
        for (int64_t i = 0; i < items; i++)
            queue.push(i);
    });
    std::thread consumer([&] {
        bench_pin(1);
        for (int64_t i = 0, item; i < items; i++) {
            queue.pop(item);
            sum += item;
        }
    });
    producer.join();
    consumer.join();
    int64_t took = bench_clock() - begin;
    bench_check("the sum of the items", sum, items * (items - 1) / 2);
    bench_print("cost", (double)took / (double)items);
}
