#include "bench.h"
#include "serial/copies.h"
#include "work/sort.h"

static size_t length;
static int *numbers, *spare;

static void prepare(void *arg)
{
    (void)arg;
    numbers = sort_make(length);
    spare = sort_make(length);
}

static void sort(void *arg)
{
    (void)arg;
    sort_serial(numbers, spare, length, false);
}

static void check(void *arg)
{
    (void)arg;
    sort_check(numbers, length);
}

int main(int argc, char **argv)
{
    length = (size_t)bench_arg(argc, argv, 1, 10000000);
    bench_copies(&(bench_phases){prepare, sort, check}, NULL, "cost", 1e6);
    return 0;
}
