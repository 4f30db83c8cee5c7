/* One test for each tool of Python's asyncio and threading that the table of README.md names, called after
 * it; streams, processes and signals have tests of their own.
 * ctest: timeout=300 */
#define HANG_S 240

#include <sys/socket.h>

#include "task/fresh.h"
#include "weft/gather.h"
#include "weft/io.h"
#include "weft/par.h"
#include "weft/queue.h"
#include "weft/sync.h"
#include "weft/timer.h"

/* A tool is used by a task of the loop, as in Python. */
#define TOOL(name)                                                                                 \
    static weft_err use_##name(void *arg);                                                         \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(run_at(weft_loop(w), use_##name, NULL), WEFT_OK);                         \
    }                                                                                              \
    static weft_err use_##name(void *arg)

/* What tasks do here: add their number, or wait for ever. */
static WEFT_ATOMIC(long) sum;
static long numbers[] = {1, 2, 3, 4};
static weft_event never = WEFT_EVENT_INIT("never");

static weft_err adds(void *arg)
{
    weft_atomic_fetch_add(&sum, *(long *)arg, WEFT_RELAXED);
    return WEFT_OK;
}

static weft_err fails(void *arg)
{
    (void)arg;
    return weft__fail(WEFT_DENIED, "this one fails");
}

static weft_err waits(void *arg)
{
    (void)arg;
    return weft_event_wait(&never, WEFT_FOREVER);
}

static long summed(void)
{
    return weft_atomic_exchange(&sum, 0, WEFT_RELAXED);
}

TOOL(create_task)
{
    (void)arg;
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "tasks");
    assert_int_equal(weft_go(&s, adds, &numbers[0]), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(summed(), 1);
    weft_scope_fini(&s);
    return WEFT_OK;
}

TOOL(TaskGroup)
{
    (void)arg;
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "group");
    assert_int_equal(weft_go(&s, waits, NULL), WEFT_OK);
    assert_int_equal(weft_go(&s, fails, NULL), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_DENIED);
    assert_string_equal(weft_detail(), "this one fails");
    weft_scope_fini(&s);
    return WEFT_OK;
}

TOOL(cancel)
{
    (void)arg;
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "one");
    assert_int_equal(weft_go(&s, waits, NULL), WEFT_OK);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    return WEFT_OK;
}

TOOL(gather)
{
    (void)arg;
    weft_call calls[] = {WEFT_CALL(adds, &numbers[0]), WEFT_CALL(adds, &numbers[1])};
    weft_call bad[] = {WEFT_CALL(waits, NULL), WEFT_CALL(fails, NULL)};
    assert_int_equal(weft_gather(weft_loop(w), calls, 2, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(summed(), 3);
    assert_int_equal(weft_gather(weft_loop(w), bad, 2, WEFT_FOREVER), WEFT_DENIED);
    assert_int_equal(bad[0].result, WEFT_CANCELLED);
    return WEFT_OK;
}

TOOL(gather_return_exceptions)
{
    (void)arg;
    weft_call calls[] = {WEFT_CALL(fails, NULL), WEFT_CALL(adds, &numbers[1])};
    assert_int_equal(weft_gather_all(weft_loop(w), calls, 2, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(calls[0].result, WEFT_DENIED);
    assert_string_equal(calls[0].why, "this one fails");
    assert_int_equal(calls[1].result, WEFT_OK);
    assert_int_equal(summed(), 2);
    return WEFT_OK;
}

TOOL(wait_first_completed)
{
    (void)arg;
    size_t which;
    weft_call calls[] = {WEFT_CALL(waits, NULL), WEFT_CALL(adds, &numbers[2]),
                         WEFT_CALL(waits, NULL)};
    assert_int_equal(weft_first(weft_loop(w), calls, 3, &which, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(which, 1);
    assert_int_equal(summed(), 3);
    return WEFT_OK;
}

TOOL(as_completed)
{
    (void)arg;
    weft_each each;
    weft_call *c, calls[] = {WEFT_CALL(adds, &numbers[0]), WEFT_CALL(fails, NULL)};
    int good = 0, bad = 0;
    assert_int_equal(weft_each_start(&each, weft_loop(w), calls, 2, "calls"), WEFT_OK);
    while (weft_each_next(&each, &c, WEFT_FOREVER) == WEFT_OK)
        ++*(c->result == WEFT_OK ? &good : &bad);
    weft_each_fini(&each);
    assert_true(good == 1 && bad == 1 && summed() == 1);
    return WEFT_OK;
}

TOOL(wait_for)
{
    (void)arg;
    assert_int_equal(weft_within(adds, &numbers[3], weft_in_s(60)), WEFT_OK);
    assert_int_equal(summed(), 4);
    assert_int_equal(weft_within(waits, NULL, weft_in_ms(2)), WEFT_LATE);
    return WEFT_OK;
}

TOOL(timeout)
{
    (void)arg;
    weft_deadline by = weft_in_ms(2); /* one for all of it */
    assert_int_equal(weft_event_wait(&never, by), WEFT_LATE);
    assert_int_equal(weft_event_wait(&never, by), WEFT_LATE);
    return WEFT_OK;
}

static weft_err cleans_up(void *arg)
{
    assert_false(weft_cancelled());
    *(bool *)arg = weft_sleep(weft_in_ms(1)) == WEFT_OK;
    return WEFT_OK;
}

static weft_err shields(void *arg)
{
    weft_err e = weft_event_wait(&never, WEFT_FOREVER);
    assert_int_equal(e, WEFT_CANCELLED);
    return weft_shield(cleans_up, arg);
}

TOOL(shield)
{
    (void)arg;
    bool slept = false;
    assert_int_equal(weft_within(shields, &slept, weft_in_ms(1)), WEFT_OK);
    assert_true(slept);
    return WEFT_OK;
}

TOOL(sleep_)
{
    (void)arg;
    weft_deadline at = weft_in_ms(3);
    assert_int_equal(weft_sleep(at), WEFT_OK);
    assert_true(weft_clock() >= at.ns);
    assert_int_equal(weft_yield(), WEFT_OK); /* sleep(0) */
    return WEFT_OK;
}

TOOL(call_later)
{
    (void)arg;
    weft_scope s;
    weft_timer soon = WEFT_TIMER_INIT, never_again = WEFT_TIMER_INIT;
    weft_scope_init(&s, weft_loop(w), "later");
    assert_int_equal(weft_timer_start(&soon, &s, adds, &numbers[0], weft_in_ms(1)), WEFT_OK);
    assert_int_equal(weft_timer_start(&never_again, &s, adds, &numbers[1], weft_in_s(3600)),
                     WEFT_OK);
    assert_true(weft_timer_cancel(&never_again));
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(summed(), 1);
    weft_scope_fini(&s);
    return WEFT_OK;
}

static weft_err blocks(void *arg)
{
    assert_int_equal(weft__self()->kind,
                     WEFT__WAITER_THREAD); /* not a worker, which it would stop */
    return adds(arg);
}

TOOL(to_thread)
{
    (void)arg;
    assert_int_equal(weft_blocking(w, blocks, &numbers[2]), WEFT_OK);
    assert_int_equal(summed(), 3);
    return WEFT_OK;
}

TOOL(run_in_executor)
{
    (void)arg;
    weft_call calls[] = {WEFT_CALL(blocks, &numbers[0]), WEFT_CALL(blocks, &numbers[1])};
    assert_int_equal(weft_gather(weft_threads(w), calls, 2, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(summed(), 3);
    return WEFT_OK;
}

static weft_err adds_to(int64_t begin, int64_t end, void *arg)
{
    weft_atomic_fetch_add(&sum, (long)(end - begin), WEFT_RELAXED);
    (void)arg;
    return WEFT_OK;
}

TOOL(Pool_map)
{
    (void)arg;
    assert_int_equal(weft_for(weft_pool(w), 0, 1000, 0, adds_to, NULL), WEFT_OK);
    assert_int_equal(summed(), 1000);
    return WEFT_OK;
}

static weft_err writes(void *arg)
{
    return write(*(int *)arg, "x", 1) == 1 ? WEFT_OK : WEFT_SYS;
}

TOOL(add_reader)
{
    (void)arg;
    int fd[2];
    weft_scope s;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    weft_scope_init(&s, weft_loop(w), "writer");
    assert_int_equal(weft_ready(fd[0], WEFT_READABLE, weft_in_ms(2)), WEFT_LATE);
    assert_int_equal(weft_go(&s, writes, &fd[1]), WEFT_OK);
    assert_int_equal(weft_ready(fd[0], WEFT_READABLE, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    close(fd[0]);
    close(fd[1]);
    return WEFT_OK;
}

/* Players of the primitives: two of them, at two places. */
static weft_lock lock = WEFT_LOCK_INIT("lock");
static weft_cond cond = WEFT_COND_INIT("cond");
static weft_sem sem;
static weft_event event;
static weft_barrier barrier;
static long held;

static void both(weft_fn one, weft_fn other)
{
    weft_call a[] = {WEFT_CALL(one, &numbers[0])}, b[] = {WEFT_CALL(other, &numbers[1])};
    weft_each first;
    assert_int_equal(weft_each_start(&first, weft_pool(w), a, 1, "first"), WEFT_OK);
    assert_int_equal(weft_gather(weft_threads(w), b, 1, weft_in_s(60)), WEFT_OK);
    weft_call *c;
    assert_int_equal(weft_each_next(&first, &c, weft_in_s(60)), WEFT_OK);
    assert_int_equal(c->result, WEFT_OK);
    weft_each_fini(&first);
}

static weft_err counts(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
        if (e != WEFT_OK)
            return e;
        held++;
        weft_lock_release(&lock);
    }
    return WEFT_OK;
}

TOOL(Lock)
{
    (void)arg;
    held = 0;
    both(counts, counts);
    assert_int_equal(held, 2000);
    return WEFT_OK;
}

static weft_err awaits_change(void *arg)
{
    (void)arg;
    weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
    while (e == WEFT_OK && held == 0)
        e = weft_cond_wait(&cond, &lock, WEFT_FOREVER);
    weft_lock_release(&lock);
    return e;
}

static weft_err changes(void *arg)
{
    (void)arg;
    weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
    held = 1;
    weft_cond_notify(&cond);
    weft_lock_release(&lock);
    return e;
}

TOOL(Condition)
{
    (void)arg;
    held = 0;
    both(awaits_change, changes);
    return WEFT_OK;
}

static weft_err takes_a_unit(void *arg)
{
    (void)arg;
    return weft_sem_acquire(&sem, WEFT_FOREVER);
}

static weft_err gives_a_unit(void *arg)
{
    (void)arg;
    weft_sem_release(&sem);
    return WEFT_OK;
}

TOOL(Semaphore)
{
    (void)arg;
    weft_sem_init(&sem, "sem", 0);
    both(takes_a_unit, gives_a_unit);
    assert_int_equal(weft_sem_acquire(&sem, WEFT_NOW), WEFT_LATE);
    return WEFT_OK;
}

static weft_err awaits_event(void *arg)
{
    (void)arg;
    return weft_event_wait(&event, WEFT_FOREVER);
}

static weft_err sets_event(void *arg)
{
    (void)arg;
    weft_event_set(&event);
    return WEFT_OK;
}

TOOL(Event)
{
    (void)arg;
    weft_event_init(&event, "event");
    both(awaits_event, sets_event);
    return WEFT_OK;
}

static weft_err meets(void *arg)
{
    (void)arg;
    return weft_barrier_wait(&barrier, WEFT_FOREVER);
}

TOOL(Barrier)
{
    (void)arg;
    weft_barrier_init(&barrier, "barrier", 2);
    both(meets, meets);
    return WEFT_OK;
}

static weft_queue *queue;

static weft_err works(void *arg)
{
    long x;
    size_t len;
    weft_err e;
    while ((e = weft_get(queue, &x, sizeof x, &len, WEFT_FOREVER)) == WEFT_OK) {
        weft_atomic_fetch_add(&sum, x, WEFT_RELAXED);
        weft_queue_task_done(queue);
    }
    (void)arg;
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

TOOL(Queue)
{
    (void)arg;
    weft_scope s;
    assert_int_equal(weft_queue_init(&queue, "queue", sizeof(long), 2), WEFT_OK);
    weft_scope_init(&s, weft_pool(w), "workers");
    assert_int_equal(weft_go(&s, works, NULL), WEFT_OK);
    assert_int_equal(weft_go(&s, works, NULL), WEFT_OK);
    for (long i = 1; i <= 100; i++)
        assert_int_equal(weft_put(queue, &i, sizeof i, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_queue_join(queue, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(summed(), 5050);
    weft_queue_end(queue);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    weft_queue_close(&queue);
    return WEFT_OK;
}

TOOL(Thread)
{
    (void)arg;
    weft_scope s;
    weft_scope_init(&s, weft_threads(w), "threads");
    assert_int_equal(weft_go(&s, blocks, &numbers[1]), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK); /* Thread.join */
    assert_int_equal(summed(), 2);
    weft_scope_fini(&s);
    return WEFT_OK;
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(create_task),
        T(TaskGroup),
        T(cancel),
        T(gather),
        T(gather_return_exceptions),
        T(wait_first_completed),
        T(as_completed),
        T(wait_for),
        T(timeout),
        T(shield),
        T(sleep_),
        T(call_later),
        T(to_thread),
        T(run_in_executor),
        T(Pool_map),
        T(add_reader),
        T(Lock),
        T(Condition),
        T(Semaphore),
        T(Event),
        T(Barrier),
        T(Queue),
        T(Thread),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
