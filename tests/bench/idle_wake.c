/* How long a task of a sleeping pool needs to have what a thread outside puts into a queue: one way,
 * with a pause before each put. As in floor_futex.c the thread has a CPU for itself and whoever it
 * wakes has the other one. */
#include <pthread.h>

#include "bench.h"
#include "weft/weft.h"
#include "work/pace.h"

static weft_sem items = WEFT_SEM_INIT("items", 0);
static int64_t rounds, sent, taken, late[PACE_MOST];

static void *producer(void *arg)
{
    (void)arg;
    bench_pin(0);
    for (int64_t i = 0; i < rounds; i++) {
        pace_pause();
        __atomic_store_n(&sent, bench_clock(), __ATOMIC_RELAXED);
        weft_sem_release(&items);
        while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) != i + 1)
            ;
    }
    return NULL;
}

static int app(weft *w, int argc, char **argv)
{
    pthread_t outside;
    (void)w, (void)argc, (void)argv;
    bench_need(pthread_create(&outside, NULL, producer, NULL) == 0, "a thread starts");
    for (int64_t i = 0; i < rounds; i++) {
        bench_need(weft_sem_acquire(&items, WEFT_FOREVER) == WEFT_OK, "an item comes");
        late[i] = bench_clock() - __atomic_load_n(&sent, __ATOMIC_RELAXED);
        __atomic_store_n(&taken, i + 1, __ATOMIC_RELEASE);
    }
    pthread_join(outside, NULL);
    bench_print("cost", pace_median(late, (int)rounds) / 1e3);
    return 0;
}

int main(int argc, char **argv)
{
    rounds = bench_arg(argc, argv, 1, 2000);
    bench_need(rounds <= PACE_MOST, "there is room for every round");
    bench_pin(1); /* what weft starts is bound to this CPU too */
    return weft_main(argc, argv, NULL, app);
}
