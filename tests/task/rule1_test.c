/* Rule R1: a task may go on on another thread, and what belongs to the thread is asked for anew. One
 * function asks who it is, which worker it is on and for the thread's own data, moves, and asks again, so
 * that an optimiser may take the second answer for the first. tests/system/rule1_test.sh builds this with
 * each compiler at its best, with a shared library and across all files. */
#include <errno.h>

#include <sys/syscall.h>

#include "task/trial.h"
#include "weft/fork.h"
#include "weft/sync.h"

enum { WORKERS = 3, TASKS = 16 };

static weft *w;
static WEFT_ATOMIC(int) wrong, wrong_line, moved;
static WEFT_ATOMIC(long) thread_of[WORKERS];

#define FLAW(is) flaw((is), __LINE__)

static void flaw(bool is, int line)
{
    if (!is)
        return;
    weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
    weft_atomic_store(&wrong_line, line, WEFT_RELAXED);
}

static long thread(void)
{
    return syscall(SYS_gettid);
}

/* The thread's own data, as weft/task.h asks a program to read them: each time anew. An address that an
 * optimiser can see through is a constant to it, even from a function that it does not inline. */
static _Thread_local long own;

__attribute__((noinline)) static long *own_here(void)
{
    long *p = &own;
    __asm__ volatile("" : "+r"(p));
    return p;
}

__attribute__((noinline)) static int *errno_here(void)
{
    int *p = &errno;
    __asm__ volatile("" : "+r"(p));
    return p;
}

/* What a task knows of itself wherever it is. */
struct self {
    weft__waiter *me;
    struct weft__record *here;
};

static inline __attribute__((always_inline)) void look(const struct self *s, bool on_worker)
{
    long id = thread();
    weft__worker *k = weft__worker_self();
    FLAW(weft__self() != s->me || weft__here() != s->here || weft__here()->me != s->me);
    FLAW((k != NULL) != on_worker);
    if (k) {
        long known = 0;
        if (!weft_atomic_cas(&thread_of[k->index], &known, id, WEFT_RELAXED, WEFT_RELAXED))
            FLAW(known != id);
    }
    if (*own_here() == 0)
        *own_here() = id;
    FLAW(*own_here() != id);
}

/* errno is the thread's, and the library leaves it alone in what does not wait. */
static inline __attribute__((always_inline)) void look_at_errno(int number)
{
    *errno_here() = number;
    weft_sem one = WEFT_SEM_INIT("one", 1);
    FLAW(weft_sem_acquire(&one, WEFT_NOW) != WEFT_OK);
    FLAW(weft_move(weft_pool(w)) != WEFT_OK); /* where it is: it stays */
    FLAW(weft__fail(WEFT_LATE, "a text") != WEFT_LATE);
    FLAW(*errno_here() != number);
}

static weft_err child(void *arg)
{
    struct self s = {weft__self(), weft__here()};
    look(&s, true);
    FLAW(weft_yield() != WEFT_OK);
    look(&s, true);
    if (arg)
        weft_sem_release((weft_sem *)arg);
    FLAW(weft_sleep(weft_in_us(20)) != WEFT_OK);
    look(&s, true);
    return WEFT_OK;
}

static weft_err goes_about(void *arg)
{
    struct self s = {weft__self(), weft__here()};
    for (intptr_t i = 0; i < (intptr_t)arg; i++) {
        weft_child c;
        weft_sem begun = WEFT_SEM_INIT("begun", 0);
        long before = thread();
        look(&s, true);
        look_at_errno((int)i + 1);
        FLAW(weft_move(weft_threads(w)) != WEFT_OK);
        if (thread() != before)
            weft_atomic_fetch_add(&moved, 1, WEFT_RELAXED);
        look(&s, false);
        FLAW(weft_yield() != WEFT_OK);
        look(&s, false);
        FLAW(weft_move(weft_pool(w)) != WEFT_OK);
        look(&s, true);
        weft_fork(&c, child, &begun);
        FLAW(weft_sem_acquire(&begun, WEFT_FOREVER) != WEFT_OK);
        look(&s, true);
        FLAW(weft_join(&c, child) != WEFT_OK);
        look(&s, true);
    }
    return WEFT_OK;
}

static void what_belongs_to_the_thread_is_asked_for_anew(void **state)
{
    (void)state;
    weft_scope s;
    w = engine_open(WORKERS);
    watch(w, 100);
    weft_scope_init(&s, weft_pool(w), "rule 1");
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(weft_go(&s, goes_about, (void *)(intptr_t)test_length(50, 500)), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    engine_close(w);
    if (weft_atomic_load(&wrong, WEFT_RELAXED))
        fail_msg("%d flaws, the last in line %d", weft_atomic_load(&wrong, WEFT_RELAXED),
                 weft_atomic_load(&wrong_line, WEFT_RELAXED));
    assert_true(weft_atomic_load(&moved, WEFT_RELAXED) > 0); /* else it proved nothing */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_belongs_to_the_thread_is_asked_for_anew)};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
