#include "serial/copies.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

enum { MOST = 256 };

struct shared {
    int copies, ready; /* ready: copies that came to the start; written with RMWs, spun on by all */
    int64_t time[MOST]; /* each written by its copy, read once that ended */
};

static void copy(struct shared *s, int i, const bench_phases *phases, void *arg)
{
    bench_pin(i);
    if (phases->prepare)
        phases->prepare(arg);
    __atomic_fetch_add(&s->ready, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE) < s->copies)
        sched_yield();
    int64_t begin = bench_clock();
    phases->work(arg);
    s->time[i] = bench_clock() - begin;
    if (phases->check)
        phases->check(arg);
    _exit(0);
}

void bench_copies(const bench_phases *phases, void *arg, const char *metric, double pieces)
{
    double rate = 0;
    int status, copies = bench_workers();
    struct shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench_need(s != MAP_FAILED, "the copies have memory to share");
    bench_need(copies > 0 && copies <= MOST, "there are 1 to 256 copies");
    s->copies = copies;
    fflush(NULL);
    for (int i = 0; i < copies; i++) {
        pid_t pid = fork();
        bench_need(pid >= 0, "a copy can be made");
        if (pid == 0)
            copy(s, i, phases, arg);
    }
    for (int i = 0; i < copies; i++)
        if (wait(&status) < 0 || status != 0)
            bench_fail("a serial copy failed");
    for (int i = 0; i < copies; i++)
        rate += pieces / (double)s->time[i];
    bench_print(metric, 1 / rate);
    munmap(s, sizeof *s);
}
