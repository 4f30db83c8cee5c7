/* The lock: one at a time sees what the last one wrote, nobody waits for ever, and who has released it for
 * the last time frees it. Threads and tasks; the lock is handed over to who has waited for long. */
#include "model/leave.h"
#include "sync/lock.h"
#include "sync/spin.h"

static weft_lock lock;
static model_plain inside;
static WEFT_ATOMIC(uint32_t) cancel;
static int left, rounds;
static weft__timers timers;

/* What the library asks of others. */
bool weft__spin_pays(void)
{
    return false;
}

bool weft__cancelled(const weft__waiter *self)
{
    return self == &tasks[0].waiter && weft_atomic_load(&cancel, WEFT_ACQUIRE) != 0;
}

void weft__timer_set(weft__timer *t)
{
    (void)weft__timer_add(&timers, t);
}

static void begin(int threads)
{
    begin_workers();
    weft_lock_init(&lock, "lock");
    weft__timers_init(&timers);
    weft_atomic_store(&cancel, 0, WEFT_RELAXED);
    model_write(&inside, 0);
    left = threads;
    rounds = 1;
    tasks[1].waiter.kind = WEFT__WAITER_THREAD;
}

static void two(void)
{
    begin(2);
}

static void three(void)
{
    begin(3);
    rounds = 2;
}

static void change(void)
{
    model_write(&inside, model_read(&inside) + 1);
}

static void lock_and_release(void)
{
    require(weft_lock_acquire(&lock, WEFT_FOREVER) == WEFT_OK);
    change();
    weft_lock_release(&lock);
}

static void usual(int i)
{
    (void)i;
    for (int n = 0; n < rounds; n++)
        lock_and_release();
}

static void nobody_left(void)
{
    require(weft_atomic_load(&lock.word, WEFT_RELAXED) == 0);
    require(!lock.head.first);
}

/* So much time passes while it is held that who waits gets it next. */
static void handed(int i)
{
    for (int n = 0; n < rounds; n++) {
        require(weft_lock_acquire(&lock, WEFT_FOREVER) == WEFT_OK);
        change();
        if (i == 0 || model_choose(2) == 0)
            model_late(weft__clock_ns() + 1000000);
        weft_lock_release(&lock);
    }
}

/* The last one to release it frees it. */
static void frees(int i)
{
    (void)i;
    require(weft_lock_acquire(&lock, WEFT_FOREVER) == WEFT_OK);
    change();
    bool last = --left == 0;
    weft_lock_release(&lock);
    if (last)
        model_gone(&lock, sizeof lock);
}

/* One is cancelled while it waits. */
static void cancelled(int i)
{
    if (i > 0) {
        require(weft_lock_acquire(&lock, WEFT_FOREVER) == WEFT_OK);
        change();
        weft_atomic_store(&cancel, 1, WEFT_RELEASE);
        weft__unpark(&tasks[0].waiter);
        weft_lock_release(&lock);
        lock_and_release();
        return;
    }
    weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
    require(e == WEFT_OK || e == WEFT_CANCELLED);
    if (e == WEFT_OK) {
        change();
        weft_lock_release(&lock);
    }
}

/* One polls, one waits and one is cancelled. */
static void all(int i)
{
    if (i < 2) {
        cancelled(i);
        return;
    }
    for (int n = 0; n < rounds; n++)
        if (weft_lock_acquire(&lock, WEFT_NOW) == WEFT_OK) {
            change();
            weft_lock_release(&lock);
        }
    lock_and_release();
}

const model models[] = {{"lock.two", 2, two, usual, nobody_left},
                        {"lock.frees", 2, two, frees, NULL},
                        {"lock.handed", 2, two, handed, nobody_left},
                        {"lock.cancelled", 2, two, cancelled, nobody_left},
                        {"lock.three", 3, three, usual, nobody_left},
                        {"lock.three-handed", 3, three, handed, nobody_left},
                        {"lock.three-free", 3, three, frees, NULL},
                        {"lock.all", 3, three, all, nobody_left},
                        {NULL, 0, NULL, NULL, NULL}};
