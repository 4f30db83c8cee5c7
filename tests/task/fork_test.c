/* Fork-join: children in the caller's frame. */
#include "weft/fork.h"

#include <stdlib.h>

#include "task/trial.h"
#include "weft/sync.h"

static weft *w;
static WEFT_ATOMIC(int) wrong, count;
static uint64_t seed;

static void flaw(bool is)
{
    if (is)
        weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
}

static void bump(void)
{
    weft_atomic_fetch_add(&count, 1, WEFT_RELAXED);
}

/* Run fn(arg) on engines of 1 to 4 workers; nothing may be wrong. */
static void on_engines(weft_fn fn, void *arg, weft_err expected)
{
    for (int workers = 1; workers <= 4; workers++) {
        w = engine_open(workers);
        watch(w, 100);
        weft_atomic_store(&wrong, 0, WEFT_RELAXED);
        weft_err e = run_at(weft_pool(w), fn, arg);
        engine_close(w);
        watch(NULL, 100);
        assert_int_equal(e, expected);
        assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
    }
}

static intptr_t fib(intptr_t n)
{
    weft_child left;
    if (n < 2)
        return n;
    weft_fork_value(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return weft_join_value(&left, fib) + right;
}

static weft_err fibs(void *arg)
{
    (void)arg;
    intptr_t a = 0, b = 1;
    for (int n = 0; n < 24; n++) {
        flaw(fib(n) != a);
        intptr_t next = a + b;
        a = b;
        b = next;
    }
    return WEFT_OK;
}

static void values_are_right(void **state)
{
    (void)state;
    on_engines(fibs, NULL, WEFT_OK);
    assert_int_equal(fibs(NULL), WEFT_OK); /* on a plain thread */
}

/* A random tree: a node has up to 7 children, joined in an order of its own, and waits here and there. */
struct node {
    uint64_t random;
    int depth;
    int64_t nodes; /* out: in this subtree */
    int64_t sum;   /* of what the leaves hold */
};

enum { MOST = 7 };

static void some_wait(uint64_t r)
{
    if (r % 11 == 0)
        flaw(weft_yield() != WEFT_OK);
    if (r % 97 == 0)
        flaw(weft_sleep(weft_in_us((int64_t)(r >> 40) % 100)) != WEFT_OK);
}

static void shuffle(int *order, int n, uint64_t *random)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int k = (int)(test_random(random) % (uint64_t)(i + 1)), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
}

static void join_order(int *order, int n, uint64_t *random)
{
    uint64_t how = test_random(random) % 3;
    shuffle(order, n, random);
    for (int i = 0; how < 2 && i < n; i++)
        order[i] = how == 0 ? n - 1 - i : i;
}

static weft_err tree(void *arg)
{
    struct node *me = arg, of[MOST];
    weft_child c[MOST];
    int order[MOST];
    uint64_t random = me->random;
    int n = me->depth == 0 ? 0 : (int)(test_random(&random) % (MOST + 1));
    me->nodes = 1;
    me->sum = (int64_t)(me->random % 1000);
    some_wait(test_random(&random));
    for (int i = 0; i < n; i++) {
        of[i] = (struct node){.random = test_random(&random), .depth = me->depth - 1};
        weft_fork(&c[i], tree, &of[i]);
        some_wait(test_random(&random));
    }
    join_order(order, n, &random);
    for (int i = 0; i < n; i++) {
        struct node *k = &of[order[i]];
        flaw(weft_join(&c[order[i]], tree) != WEFT_OK);
        some_wait(test_random(&random));
        me->nodes += k->nodes;
        me->sum += k->sum;
    }
    return WEFT_OK;
}

static void walk_serially(struct node *me)
{
    uint64_t random = me->random;
    int n = me->depth == 0 ? 0 : (int)(test_random(&random) % (MOST + 1));
    me->nodes = 1;
    me->sum = (int64_t)(me->random % 1000);
    (void)test_random(&random);
    for (int i = 0; i < n; i++) {
        struct node k = {.random = test_random(&random), .depth = me->depth - 1};
        (void)test_random(&random);
        walk_serially(&k);
        me->nodes += k.nodes;
        me->sum += k.sum;
    }
}

static weft_err trees(void *arg)
{
    uint64_t random = seed;
    (void)arg;
    for (long k = test_length(30, 300); k > 0; k--) {
        struct node root = {.random = test_random(&random), .depth = 5}, check = root;
        walk_serially(&check);
        flaw(tree(&root) != WEFT_OK);
        flaw(root.nodes != check.nodes || root.sum != check.sum);
    }
    return WEFT_OK;
}

static void trees_that_wait_and_join_in_any_order_are_right(void **state)
{
    (void)state;
    on_engines(trees, NULL, WEFT_OK);
}

static void elsewhere_the_join_calls(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, 100);
    weft_atomic_store(&wrong, 0, WEFT_RELAXED);
    assert_int_equal(run_at(weft_loop(w), trees, NULL), WEFT_OK);
    assert_int_equal(run_at(weft_threads(w), trees, NULL), WEFT_OK);
    assert_int_equal(trees(NULL), WEFT_OK);
    engine_close(w);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

enum { MANY = 20000 };

static weft_err counts(void *arg)
{
    (void)arg;
    bump();
    return WEFT_OK;
}

static weft_err many(void *arg)
{
    uint64_t random = seed;
    weft_child *c = malloc(MANY * sizeof *c);
    int *order = malloc(MANY * sizeof *order);
    weft_atomic_store(&count, 0, WEFT_RELAXED);
    for (int i = 0; i < MANY; i++)
        weft_fork(&c[i], counts, NULL);
    if (arg)
        shuffle(order, MANY, &random);
    for (int i = MANY - 1; i >= 0; i--)
        flaw(weft_join(&c[arg ? order[i] : i], counts) != WEFT_OK);
    flaw(weft_atomic_load(&count, WEFT_RELAXED) != MANY);
    free(order);
    free(c);
    return WEFT_OK;
}

static void a_frame_may_fork_very_many(void **state)
{
    (void)state;
    on_engines(many, NULL, WEFT_OK);
    w = engine_open(2);
    watch(w, 100);
    assert_int_equal(run_at(weft_pool(w), many, w), WEFT_OK);
    engine_close(w);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

/* A lock that the parent holds across its join; children that want others' locks. */
static weft_lock locks[3] = {WEFT_LOCK_INIT("a"), WEFT_LOCK_INIT("b"), WEFT_LOCK_INIT("c")};
static int64_t under[3];

static weft_err wants_next(void *arg)
{
    intptr_t level = (intptr_t)arg;
    weft_child c;
    if (level == 3)
        return WEFT_OK;
    if (weft_lock_acquire(&locks[level], WEFT_FOREVER) != WEFT_OK)
        return WEFT_INVALID;
    weft_fork(&c, wants_next, (void *)(level + 1));
    under[level]++;
    flaw(weft_yield() != WEFT_OK);
    flaw(weft_join(&c, wants_next) != WEFT_OK);
    weft_lock_release(&locks[level]);
    return WEFT_OK;
}

static weft_err locked_joins(void *arg)
{
    weft_scope s;
    memset(under, 0, sizeof under);
    weft_scope_init(&s, weft_pool(w), "lockers");
    for (int i = 0; i < 300; i++)
        flaw(weft_go(&s, wants_next, arg) != WEFT_OK);
    flaw(weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < 3; i++)
        flaw(under[i] != 300);
    return WEFT_OK;
}

static void a_lock_may_be_held_across_a_join(void **state)
{
    (void)state;
    on_engines(locked_joins, NULL, WEFT_OK);
}

/* What a child and its parent say to each other. */
struct talk {
    weft_sem there, back;
    WEFT_ATOMIC(int) begun;
};

static weft_err answers(void *arg)
{
    struct talk *t = arg;
    weft_atomic_store(&t->begun, 1, WEFT_RELEASE); /* pairs with the parents below */
    flaw(weft_sem_acquire(&t->there, WEFT_FOREVER) != WEFT_OK);
    weft_sem_release(&t->back);
    return WEFT_OK;
}

static weft_err waits_for_its_child(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        weft_child c;
        struct talk t = {.there = WEFT_SEM_INIT("there", 0), .back = WEFT_SEM_INIT("back", 0)};
        weft_fork(&c, answers, &t);
        weft_sem_release(&t.there);
        flaw(weft_sem_acquire(&t.back, WEFT_FOREVER) != WEFT_OK);
        flaw(weft_join(&c, answers) != WEFT_OK);
    }
    return WEFT_OK;
}

static void a_task_may_wait_for_its_child(void **state)
{
    (void)state;
    on_engines(waits_for_its_child, NULL, WEFT_OK);
}

static weft_err yields_for_its_child(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++) {
        weft_child c;
        struct talk t = {.there = WEFT_SEM_INIT("there", 1), .back = WEFT_SEM_INIT("back", 0)};
        weft_fork(&c, answers, &t);
        while (!weft_atomic_load(&t.begun, WEFT_ACQUIRE)) /* pairs with answers */
            flaw(weft_yield() != WEFT_OK);
        flaw(weft_join(&c, answers) != WEFT_OK);
    }
    return WEFT_OK;
}

static void a_task_may_yield_until_its_child_has_begun(void **state)
{
    (void)state;
    on_engines(yields_for_its_child, NULL, WEFT_OK);
}

static weft_err yields_until(void *arg)
{
    struct talk *t = arg;
    while (!weft_atomic_load(&t->begun, WEFT_ACQUIRE)) /* pairs with answers */
        flaw(weft_yield() != WEFT_OK);
    return WEFT_OK;
}

/* Others keep every worker busy with yields; the forked child has to have its turn all the same. */
static weft_err child_among_yielders(void *arg)
{
    weft_scope s;
    weft_child c;
    struct talk t = {.there = WEFT_SEM_INIT("there", 1), .back = WEFT_SEM_INIT("back", 0)};
    (void)arg;
    weft_scope_init(&s, weft_pool(w), "yielders");
    for (int i = 0; i < 8; i++)
        flaw(weft_go(&s, yields_until, &t) != WEFT_OK);
    weft_fork(&c, answers, &t);
    flaw(weft_sem_acquire(&t.back, WEFT_FOREVER) != WEFT_OK);
    flaw(weft_join(&c, answers) != WEFT_OK);
    flaw(weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK);
    weft_scope_fini(&s);
    return WEFT_OK;
}

static void a_child_has_its_turn_among_those_that_yield(void **state)
{
    (void)state;
    on_engines(child_among_yielders, NULL, WEFT_OK);
}

/* Child i waits for child i + 1, the last for its parent. */
enum { CHAIN = 50 };
struct link {
    weft_sem *mine, *next;
};

static weft_err pass_on(void *arg)
{
    struct link *l = arg;
    flaw(weft_sem_acquire(l->next, WEFT_FOREVER) != WEFT_OK);
    weft_sem_release(l->mine);
    return WEFT_OK;
}

static weft_err chained(void *arg)
{
    weft_child c[CHAIN];
    struct link l[CHAIN];
    static weft_sem sems[CHAIN + 1];
    (void)arg;
    for (int i = 0; i <= CHAIN; i++)
        weft_sem_init(&sems[i], "chain", 0);
    for (int i = 0; i < CHAIN; i++) {
        l[i] = (struct link){&sems[i], &sems[i + 1]};
        weft_fork(&c[i], pass_on, &l[i]);
    }
    weft_sem_release(&sems[CHAIN]);
    flaw(weft_sem_acquire(&sems[0], WEFT_FOREVER) != WEFT_OK);
    for (int i = 0; i < CHAIN; i++) /* the oldest first: it waits for the others */
        flaw(weft_join(&c[i], pass_on) != WEFT_OK);
    return WEFT_OK;
}

static void children_may_wait_for_each_other(void **state)
{
    (void)state;
    on_engines(chained, NULL, WEFT_OK);
}

/* A child that is begun elsewhere: the parent waits for that. */
static weft_err fails(void *arg)
{
    struct talk *t = arg;
    weft_atomic_store(&t->begun, 1, WEFT_RELEASE); /* pairs with the parents */
    weft_sem_release(&t->back);
    return weft__fail(WEFT_STALE, "the child %d has to say something", 17);
}

static weft_err meets_failure(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        weft_child c;
        struct talk t = {.back = WEFT_SEM_INIT("back", 0)};
        weft_fork(&c, fails, &t);
        if (i % 2)
            flaw(weft_sem_acquire(&t.back, WEFT_FOREVER) != WEFT_OK);
        ignore(weft__fail(WEFT_LATE, "something else"));
        flaw(weft_join(&c, fails) != WEFT_STALE);
        flaw(strcmp(weft_detail(), "the child 17 has to say something") != 0);
    }
    return WEFT_OK;
}

static void the_error_of_a_child_that_was_taken_has_its_detail(void **state)
{
    (void)state;
    on_engines(meets_failure, NULL, WEFT_OK);
}

/* Waits until it is cancelled. */
static weft_err until_cancelled(void *arg)
{
    weft_sem never = WEFT_SEM_INIT("never", 0);
    bump();
    if (arg)
        weft_sem_release((weft_sem *)arg);
    weft_err e = weft_sem_acquire(&never, WEFT_FOREVER);
    flaw(e != WEFT_CANCELLED || !weft_cancelled());
    flaw(weft_sleep(WEFT_FOREVER) != WEFT_CANCELLED);
    return e;
}

static weft_err joins_until_cancelled(void *arg)
{
    weft_child c[3];
    for (int i = 0; i < 3; i++)
        weft_fork(&c[i], until_cancelled, arg);
    for (int i = 2; i >= 0; i--)
        flaw(weft_join(&c[i], until_cancelled) != WEFT_CANCELLED);
    return WEFT_CANCELLED;
}

static weft_err runs_inside(void *arg)
{
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "inside");
    flaw(weft_go(&s, joins_until_cancelled, arg) != WEFT_OK);
    weft_err e = weft_scope_join(&s, WEFT_FOREVER);
    flaw(e != WEFT_CANCELLED && e != WEFT_OK); /* all had ended */
    weft_scope_fini(&s);
    return WEFT_CANCELLED;
}

static weft_err runs_far_inside(void *arg)
{
    weft_scope s;
    weft_child c;
    weft_scope_init(&s, weft_pool(w), "far inside");
    weft_fork(&c, runs_inside, arg);
    flaw(weft_join(&c, runs_inside) != WEFT_CANCELLED);
    flaw(weft_go(&s, runs_inside, arg) != WEFT_OK);
    ignore(weft_scope_join(&s, WEFT_FOREVER));
    weft_scope_fini(&s);
    return WEFT_CANCELLED;
}

/* Start fn, wait until `children` of it wait, cancel it: it must end. */
static void is_cancelled(weft_fn fn, int children)
{
    for (int workers = 1; workers <= 4; workers++)
        for (int k = 0; k < 20; k++) {
            weft_scope s;
            weft_sem waits = WEFT_SEM_INIT("waits", 0);
            w = engine_open(workers);
            watch(w, 100);
            weft_atomic_store(&wrong, 0, WEFT_RELAXED);
            weft_scope_init(&s, weft_pool(w), "cancelled");
            assert_int_equal(weft_go(&s, fn, &waits), WEFT_OK);
            for (int i = 0; i < children; i++)
                assert_int_equal(weft_sem_acquire(&waits, weft_in_s(20)), WEFT_OK);
            weft_scope_cancel(&s);
            assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
            weft_scope_fini(&s);
            engine_close(w);
            assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
        }
}

static void children_see_the_cancellation(void **state)
{
    (void)state;
    is_cancelled(joins_until_cancelled, 3);
}

static void cancellation_reaches_children_of_a_task_inside_a_join(void **state)
{
    (void)state;
    is_cancelled(runs_inside, 3);
    is_cancelled(runs_far_inside, 3);
}

/* A scope in a child, whose tasks fork. */
static weft_err nested(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    weft_scope s;
    weft_child c[2];
    bump();
    if (depth == 0)
        return WEFT_OK;
    weft_scope_init(&s, weft_pool(w), "nested");
    for (int i = 0; i < 2; i++) {
        flaw(weft_go(&s, nested, (void *)(depth - 1)) != WEFT_OK);
        weft_fork(&c[i], nested, (void *)(depth - 1));
    }
    for (int i = 0; depth % 2 && i < 2; i++)
        flaw(weft_join(&c[i], nested) != WEFT_OK);
    flaw(weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK);
    for (int i = 0; depth % 2 == 0 && i < 2; i++)
        flaw(weft_join(&c[i], nested) != WEFT_OK);
    weft_scope_fini(&s);
    return WEFT_OK;
}

static weft_err nests(void *arg)
{
    int all = 1;
    weft_atomic_store(&count, 0, WEFT_RELAXED);
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        all = 1 + 4 * all;
    flaw(nested(arg) != WEFT_OK);
    flaw(weft_atomic_load(&count, WEFT_RELAXED) != all);
    return WEFT_OK;
}

static void scopes_nest_in_children(void **state)
{
    (void)state;
    on_engines(nests, (void *)5, WEFT_OK);
}

/* A shielded parent's children do not see the cancellation. */
static weft_err not_cancelled(void *arg)
{
    (void)arg;
    flaw(weft_cancelled());
    flaw(weft_sleep(weft_in_us(100)) != WEFT_OK);
    flaw(weft_yield() != WEFT_OK);
    return WEFT_OK;
}

static weft_err cleans_up(void *arg)
{
    weft_child c[4];
    for (int i = 0; i < 4; i++)
        weft_fork(&c[i], not_cancelled, arg);
    flaw(weft_sleep(weft_in_us(200)) != WEFT_OK);
    for (int i = 0; i < 4; i++)
        flaw(weft_join(&c[i], not_cancelled) != WEFT_OK);
    return WEFT_OK;
}

static weft_err shields(void *arg)
{
    flaw(until_cancelled(arg) != WEFT_CANCELLED);
    flaw(weft_shield(cleans_up, NULL) != WEFT_OK);
    flaw(!weft_cancelled());
    return WEFT_CANCELLED;
}

static void a_shield_covers_the_children_too(void **state)
{
    (void)state;
    is_cancelled(shields, 1);
}

/* Cancelled while its parent is in a shield that it was not forked in: it has to see that. */
struct shelter {
    weft_scope *s;
    weft_sem begun;
};

static weft_err outside(void *arg)
{
    struct shelter *x = arg;
    weft_sem never = WEFT_SEM_INIT("never", 0);
    weft_sem_release(&x->begun);
    weft_err e = weft_sem_acquire(&never, WEFT_FOREVER);
    flaw(e != WEFT_CANCELLED || !weft_cancelled());
    bump();
    return e;
}

static weft_err in_the_shield(void *arg)
{
    struct shelter *x = arg;
    weft_scope_cancel(x->s);
    flaw(weft_cancelled());
    for (int i = 0; i < 1000 && weft_atomic_load(&count, WEFT_RELAXED) == 0; i++)
        flaw(weft_sleep(weft_in_us(50)) != WEFT_OK);
    return cleans_up(NULL);
}

static weft_err forks_before_the_shield(void *arg)
{
    struct shelter x = {arg, WEFT_SEM_INIT("begun", 0)};
    weft_child c;
    weft_fork(&c, outside, &x);
    flaw(weft_sem_acquire(&x.begun, WEFT_FOREVER) != WEFT_OK);
    flaw(weft_shield(in_the_shield, &x) != WEFT_OK);
    flaw(!weft_cancelled());
    flaw(weft_join(&c, outside) != WEFT_CANCELLED);
    return WEFT_CANCELLED;
}

static void a_shield_covers_no_child_from_before(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 3; workers++) {
        weft_scope s;
        w = engine_open(workers);
        watch(w, 100);
        weft_atomic_store(&wrong, 0, WEFT_RELAXED);
        weft_atomic_store(&count, 0, WEFT_RELAXED);
        weft_scope_init(&s, weft_pool(w), "shelter");
        assert_int_equal(weft_go(&s, forks_before_the_shield, &s), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s);
        engine_close(w);
        assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
    }
}

/* Misuse: each in a process of its own. */
static weft_err joins_a_stranger(void *arg)
{
    weft_child c, other;
    (void)arg;
    memset(&other, 0, sizeof other);
    weft_fork(&c, counts, NULL);
    ignore(weft_join(&other, counts));
    return weft_join(&c, counts);
}

static weft_err joins_twice(void *arg)
{
    weft_child c;
    (void)arg;
    weft_fork(&c, counts, NULL);
    ignore(weft_join(&c, counts));
    return weft_join(&c, counts);
}

static weft_child left_behind;

static weft_err does_not_join(void *arg)
{
    weft_fork(&left_behind, counts, arg);
    return WEFT_OK;
}

static weft_err child_does_not_join(void *arg)
{
    weft_child c;
    weft_fork(&c, does_not_join, arg);
    ignore(weft_sleep(weft_in_ms(50))); /* so that it is taken */
    return weft_join(&c, does_not_join);
}

static void join_of_a_stranger(void)
{
    ignore(run_alone(2, joins_a_stranger, NULL));
}

static void join_of_a_stranger_on_a_thread(void)
{
    weft *x = engine_open(1);
    ignore(run_at(weft_threads(x), joins_a_stranger, NULL));
}

static void second_join(void)
{
    ignore(run_alone(1, joins_twice, NULL));
}

static void no_join(void)
{
    ignore(run_alone(1, does_not_join, NULL));
}

static void no_join_on_a_thread(void)
{
    weft *x = engine_open(1);
    ignore(run_at(weft_threads(x), does_not_join, NULL));
}

static void no_join_in_a_child(void)
{
    ignore(run_alone(1, child_does_not_join, NULL));
}

static void misuse_aborts(void **state)
{
    (void)state;
    aborts(join_of_a_stranger, "fork_test.c:");
    aborts(second_join, "fork_test.c:");
    aborts(no_join,
           "trial.h:26: misuse: task the trial, started here, or a child of it, ended with forks");
    aborts(no_join_on_a_thread, "trial.h:26: misuse: task the trial");
    aborts(no_join_in_a_child, "trial.h:26: misuse: task the trial");
    (void)join_of_a_stranger_on_a_thread;
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test(f)
    const struct CMUnitTest tests[] = {
        T(misuse_aborts), /* first: it forks processes, while no engine runs */
        T(values_are_right),
        T(trees_that_wait_and_join_in_any_order_are_right),
        T(elsewhere_the_join_calls),
        T(a_frame_may_fork_very_many),
        T(a_lock_may_be_held_across_a_join),
        T(a_task_may_wait_for_its_child),
        T(a_task_may_yield_until_its_child_has_begun),
        T(a_child_has_its_turn_among_those_that_yield),
        T(children_may_wait_for_each_other),
        T(the_error_of_a_child_that_was_taken_has_its_detail),
        T(children_see_the_cancellation),
        T(cancellation_reaches_children_of_a_task_inside_a_join),
        T(scopes_nest_in_children),
        T(a_shield_covers_the_children_too),
        T(a_shield_covers_no_child_from_before),
    };
    seed = test_seed();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
