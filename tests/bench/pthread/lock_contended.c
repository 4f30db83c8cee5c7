#include <pthread.h>

#include "work/contend.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static contend_state state;
static int64_t turns;

static void *contender(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg;
    for (int64_t i = 0; i < turns; i++) {
        pthread_mutex_lock(&lock);
        contend_inside(&state);
        pthread_mutex_unlock(&lock);
        x = contend_outside(x);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[CONTENDERS];
    turns = bench_arg(argc, argv, 1, 200000);
    int64_t begin = bench_clock();
    for (int i = 0; i < CONTENDERS; i++)
        bench_need(pthread_create(&threads[i], NULL, contender, NULL) == 0, "a thread starts");
    for (int i = 0; i < CONTENDERS; i++)
        pthread_join(threads[i], NULL);
    int64_t took = bench_clock() - begin;
    bench_check("the number of turns", state.turns, CONTENDERS * turns);
    bench_print("cost", (double)took / (double)(CONTENDERS * turns));
}
