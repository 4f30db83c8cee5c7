/* What a process in which nothing happens costs: one task waits for a point in time. */
#include <sys/resource.h>

#include "bench.h"
#include "weft/weft.h"

static double milliseconds(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int app(weft *w, int argc, char **argv)
{
    struct rusage before, after;
    (void)w;
    getrusage(RUSAGE_SELF, &before);
    bench_need(weft_sleep(weft_in_ms(bench_arg(argc, argv, 1, 5000))) == WEFT_OK, "a task sleeps");
    getrusage(RUSAGE_SELF, &after);
    bench_print("cpu", milliseconds(after.ru_utime) + milliseconds(after.ru_stime) -
                           milliseconds(before.ru_utime) - milliseconds(before.ru_stime));
    bench_print("switches", (double)(after.ru_nvcsw - before.ru_nvcsw));
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
