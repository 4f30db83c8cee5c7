#include "bench.h"

enum { LENGTH = 1000 };

int main(int argc, char **argv)
{
    int64_t loops = bench_arg(argc, argv, 1, 20000), sum = 0, begin = 0;
    for (int64_t k = -loops / 10; k < loops; k++) {
        if (k == 0)
            begin = bench_clock();
#pragma omp parallel for
        for (int64_t i = 0; i < LENGTH; i++)
            bench_keep(NULL);
    }
    int64_t took = bench_clock() - begin;
#pragma omp parallel for reduction(+ : sum)
    for (int64_t i = 0; i < LENGTH; i++)
        sum += i;
    bench_check("the sum of a loop", sum, LENGTH * (LENGTH - 1) / 2);
    bench_print("cost", (double)took / (double)loops);
}
