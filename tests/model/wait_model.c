/* A waiter and those who let it go: by a grant, and by being late or cancelled at the same time. The waiter
 * is a thread, which sleeps on its word, or a task, which leaves its stack. Who was let go frees the
 * primitive at once. */
#include "model/leave.h"
#include "task/wait.h"

static weft_sync_head queue;
static bool set;
static WEFT_ATOMIC(uint32_t) cancel, arrived;
static weft__timers timers;
static model_plain news;
static weft_err result[WORKERS];
static int granted;

/* What the library asks of others. */
bool weft__cancelled(const weft__waiter *self)
{
    return self == &tasks[0].waiter && weft_atomic_load(&cancel, WEFT_ACQUIRE) != 0;
}

void weft__timer_set(weft__timer *t)
{
    (void)weft__timer_add(&timers, t);
}

static void reset(void)
{
    begin_workers();
    weft__sync_init(&queue, "queue");
    weft__timers_init(&timers);
    weft_atomic_store(&cancel, 0, WEFT_RELAXED);
    weft_atomic_store(&arrived, 0, WEFT_RELAXED);
    set = false;
    granted = 0;
}

static void with_task(void)
{
    reset();
}

static void with_thread(void)
{
    reset();
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

/* As an event does. */
static weft_err waits(int i, weft_deadline by)
{
    weft__guard_take(weft__sync_guard(&queue));
    if (set) {
        weft__guard_drop(weft__sync_guard(&queue));
        return result[i] = WEFT_OK;
    }
    return result[i] = weft__wait_in(&queue, "event", NULL, 0, by);
}

static void sets(void)
{
    weft__guard_take(weft__sync_guard(&queue));
    model_write(&news, 7);
    set = true;
    weft__wait *all = weft__wait_take_all(&queue);
    for (weft__wait *w = all; w; w = w->next)
        granted++;
    weft__guard_drop(weft__sync_guard(&queue));
    weft__wait_let_all_go(all);
}

/* The waiter frees the event. */
static void grant(int i)
{
    if (i > 0) {
        sets();
        return;
    }
    require(waits(0, WEFT_FOREVER) == WEFT_OK);
    require(model_read(&news) == 7);
    model_gone(&queue, sizeof queue);
}

/* It is cancelled just before. Whether it was granted is decided once. */
static void cancelled(int i)
{
    if (i > 0) {
        weft_atomic_store(&cancel, 1, WEFT_RELEASE);
        weft__unpark(&tasks[0].waiter);
        sets();
        return;
    }
    weft_err e = waits(0, WEFT_FOREVER);
    require(e == WEFT_OK || e == WEFT_CANCELLED);
    if (e == WEFT_OK)
        require(model_read(&news) == 7);
}

/* A wait right after one that ended early: what was meant for the first must not end the second. */
static void twice(int i)
{
    cancelled(i);
    if (i > 0)
        return;
    weft_atomic_store(&cancel, 0, WEFT_RELAXED);
    require(waits(0, WEFT_FOREVER) == WEFT_OK);
    require(model_read(&news) == 7);
}

static void decided_once(void)
{
    require(granted == 0 || result[0] == WEFT_OK);
    require(set);
}

/* A task with a deadline, the timer, and one that sets. */
static void late(int i)
{
    if (i == 0) {
        weft_err e = waits(0, (weft_deadline){5});
        require(e == WEFT_OK || e == WEFT_LATE);
        if (e == WEFT_OK)
            require(model_read(&news) == 7);
    } else if (i == 1) {
        model_late(5);
        (void)weft__timers_expire(&timers, 5);
        /* One that begins to wait now is served by nobody else. */
        weft__unpark(&tasks[0].waiter);
    } else {
        sets();
    }
}

/* A thread and a task, and one that sets. */
static void both(int i)
{
    if (i == 2) {
        sets();
        return;
    }
    require(waits(i, WEFT_FOREVER) == WEFT_OK);
    require(model_read(&news) == 7);
}

/* Both wait when one of them is cancelled and the event is set. Each that was granted may free it, also
 * while the one that was cancelled is on its way out. */
static void frees(int i)
{
    if (i == 2) {
        for (uint32_t n; (n = weft_atomic_load(&arrived, WEFT_ACQUIRE)) < 2;)
            weft__futex_wait(&arrived, n, INT64_MAX, false);
        weft_atomic_store(&cancel, 1, WEFT_RELEASE);
        weft__unpark(&tasks[0].waiter);
        sets();
        return;
    }
    weft__guard_take(weft__sync_guard(&queue));
    weft_atomic_fetch_add(&arrived, 1, WEFT_RELEASE);
    weft__futex_wake(&arrived, 1, false);
    result[i] = weft__wait_in(&queue, "event", NULL, 0, WEFT_FOREVER);
    require(result[i] == WEFT_OK || i == 0);
    if (i == 1)
        model_gone(&queue, sizeof queue);
}

const model models[] = {{"wait.thread", 2, with_thread, grant, NULL},
                        {"wait.task", 2, with_task, grant, NULL},
                        {"wait.thread-cancelled", 2, with_thread, cancelled, decided_once},
                        {"wait.task-cancelled", 2, with_task, cancelled, decided_once},
                        {"wait.thread-twice", 2, with_thread, twice, NULL},
                        {"wait.task-twice", 2, with_task, twice, NULL},
                        {"wait.late", 3, with_task, late, decided_once},
                        {"wait.both", 3, with_thread, both, decided_once},
                        {"wait.frees", 3, with_task, frees, NULL},
                        {NULL, 0, NULL, NULL, NULL}};
