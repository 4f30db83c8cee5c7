/* serial/copies.h: one serial program, or several pinned copies of it at the same time, which is what
 * the machine has to give: caches, memory and clock are shared then, as they are by two workers. */
#ifndef BENCH_COPIES_H
#define BENCH_COPIES_H

/* The phases of a copy; only `work` is timed. The first and the last may be NULL. */
typedef struct bench_phases {
    void (*prepare)(void *arg), (*work)(void *arg), (*check)(void *arg);
} bench_phases;

/* Go through the phases in bench_workers() processes, each on a CPU of its own, all working at the same
 * time, and print `metric`: the nanoseconds that all of them together need for each of the `pieces`
 * pieces of work that each of them does. */
void bench_copies(const bench_phases *phases, void *arg, const char *metric, double pieces);

#endif
