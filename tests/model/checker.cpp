/* The checker behind model/checker.h: Relacy, with the atomics of the models as cells of a pool. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <streambuf>
#include <string>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/words.h"

step next_step[THREADS];

namespace
{

/* How a search ends. */
enum { PASSED, FAILED, WRONG_OPTION, CUT_OFF };

rl::iteration_t executions, limit;
const model *checked;

} // namespace

/* The turn of others is in reach(). */
#define ALONE rl::preemption_disabler alone(rl::ctx())

uint64_t model_load(model_access a, int order)
{
    cell &c = reach(a, false);
    ALONE;
    return c.load(a, order_of(order));
}

void model_store(model_access a, uint64_t x, int order)
{
    cell &c = reach(a, true);
    ALONE;
    c.store(a, x, order_of(order));
}

uint64_t model_modify(model_access a, model_op op, uint64_t x, int order)
{
    cell &c = reach(a, true);
    ALONE;
    return c.modify(a, op, x, order_of(order));
}

/* Relacy takes no failure order that is stronger than the success order, as C11 did. */
bool model_cas(model_access a, void *expect, uint64_t x, int ok, int no)
{
    if (ok == WEFT_RELEASE || ok == WEFT_RELAXED)
        no = WEFT_RELAXED;
    cell &c = reach(a, true);
    ALONE;
    return c.cas(a, expect, x, order_of(ok), order_of(no));
}

/* Two fences have an order, as if they touched a word. */
void model_fence(void)
{
    static char fences;
    others({(uintptr_t)&fences, (uintptr_t)&fences + 1, true, nullptr});
    ALONE;
    rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
}

/* In a full search the first yield of a loop does nothing, since who spins for a moment only may well go on
 * before anybody else does something. Whether it is the first is the thread's own affair. */
void model_yield(void)
{
    bool &again = spins[rl::thread_index()];
    if (reduced && !again) {
        again = true;
        return;
    }
    others(everything);
    rl::yield(1, RL_INFO);
}

void model_touch(model_access a, bool writes)
{
    (void)reach(a, writes);
}

void model_plain_write(model_cell *c, uint64_t x, const char *file, unsigned line)
{
    rl::debug_info info = here(file, line);
    plain_of(c, info)(info).store(x);
}

uint64_t model_plain_read(model_cell *c, const char *file, unsigned line)
{
    rl::debug_info info = here(file, line);
    return plain_of(c, info)(info).load();
}

void model_require(bool x, const char *what, const char *file, unsigned line)
{
    if (!x)
        rl::ctx().fail_test(what, rl::test_result_user_assert_failed, here(file, line));
}

/* As if it wrote all words there; so those that others touched matter. */
void model_gone(void *from, size_t size)
{
    uintptr_t at = (uintptr_t)from;
    if (side_by_side) {
        for (uint32_t i = 0; i < pool.used; i++)
            if (pool.cell_at(i).at - at < size)
                (void)matters(pool.cell_at(i), true);
        others({at, at + size, true, nullptr});
    }
    memset(from, 0xdd, size);
}

int model_thread(void)
{
    return (int)rl::thread_index();
}

unsigned model_choose(unsigned n)
{
    return rl::rand(n);
}

/* The word is compared and the sleep begun in one step, as the kernel does under its lock; so it is the
 * latest value that is compared. */
bool model_sleep(model_access word, uint64_t seen, bool timed)
{
    cell &c = reach(word, true);
    uint64_t now;
    {
        ALONE;
        now = c.modify(word, MODEL_OR, 0, rl::mo_relaxed);
    }
    if (now != seen)
        return true;
    next_step[rl::thread_index()] = {c.at, c.at + word.size, true, nullptr};
    return c.sleep(word, timed);
}

/* Of the word no more than the address is used: it may be gone. */
void model_wake(model_access word, int n)
{
    if (word.cell->execution == gone)
        return;
    cell &c = cell_of_access(word);
    if (matters(c, true))
        others({c.at, c.at + word.size, true, nullptr});
    if (word.cell->execution != gone)
        c.wake(word, n);
}

/* False: it is no lock of the checker in this search. */
bool model_lock(model_access word)
{
    if (!reduced)
        return false;
    const uint32_t *held = &static_cast<cell_of<uint32_t> &>(cell_of_access(word)).atomic.value_.v;
    cell &c = reach(word, true, held);
    ALONE;
    model_require(*held == 0, "the guard was free", word.file, word.line);
    (void)c.modify(word, MODEL_EXCHANGE, 1, rl::mo_acquire);
    return true;
}

bool model_unlock(model_access word)
{
    if (!reduced)
        return false;
    cell &c = reach(word, true);
    ALONE;
    uint64_t held = c.modify(word, MODEL_EXCHANGE, 0, rl::mo_release);
    model_require(held == 1, "the guard was held", word.file, word.line);
    return true;
}

namespace
{

template <int threads> struct suite : rl::test_suite<suite<threads>, threads> {
    suite()
    {
        pool.forget();
        if (!rl::ctx().collecting_history())
            for (uintptr_t at : lesson)
                words->find(at, true);
        lesson.clear();
        if (executions++ == limit) {
            printf("cut off after %llu executions\n", (unsigned long long)limit);
            fflush(stdout);
            _exit(CUT_OFF);
        }
    }
    ~suite()
    {
        pool.clear();
    }
    void before()
    {
        side_by_side = false;
        checked->before();
        memset(spins, 0, sizeof spins);
        side_by_side = true;
    }
    void thread(unsigned i)
    {
        stacks[i] = (uintptr_t)rl::ctx().threadx_->fiber_.fib.uc_stack.ss_sp;
        checked->thread((int)i);
    }
    void after()
    {
        side_by_side = false;
        if (checked->after)
            checked->after();
    }
};

/* Where Relacy writes; without memory of its own, which Relacy would count. */
struct sink : std::streambuf {
    FILE *to = nullptr;
    int overflow(int c) override
    {
        if (to)
            fputc(c, to);
        return c;
    }
};

struct options {
    std::string name, search = "random";
    unsigned bound = 0, depth = 10000;
    rl::iteration_t executions = 1000;
    bool history = false;
};

/* As rl::simulate, with an order that Relacy does not have. */
template <typename suite, typename order> bool simulate(rl::test_params &p)
{
    rl::ostringstream state, none;
    if (rl::run_test<suite, order>(p, state, false) == rl::test_result_success)
        return true;
    p.initial_state = state.str();
    p.collect_history = true;
    (void)rl::run_test<suite, order>(p, none, true);
    return false;
}

bool whole_of(const options &o)
{
    return o.bound || o.search == "full";
}

template <int threads> int search(const options &o, rl::scheduler_type_e how, rl::iteration_t most)
{
    rl::test_params p;
    sink silence, history;
    std::ostream nowhere(&silence), said(&history);
    history.to = o.history ? stdout : nullptr;
    p.progress_stream = &nowhere;
    p.output_stream = &said;
    p.execution_depth_limit = o.depth;
    p.iteration_count = most;
    p.search_type = how;
    p.context_bound = o.bound;
    whole = how != rl::sched_random;
    reduced = how == rl::sched_full;
    limit = whole ? most : UINT64_MAX;
    executions = 0;
    make_unseen = unseen<threads>;
    if (reduced ? simulate<suite<threads>, each_order_once<threads>>(p)
                : rl::simulate<suite<threads>>(p))
        return PASSED;
    printf("failed in execution %llu: %s\n", (unsigned long long)p.stop_iteration,
           rl::test_result_str(p.test_result));
    return FAILED;
}

/* A random search teaches most of the words that matter; the others restart the whole one. */
template <int threads> int check(const options &o)
{
    enum { LESSONS = 2000 };
    int result = search<threads>(o, rl::sched_random, whole_of(o) ? LESSONS : o.executions);
    while (result == PASSED && whole_of(o)) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            result = search<threads>(o, o.bound ? rl::sched_bound : rl::sched_full, o.executions);
            if (result == PASSED)
                printf("passed %llu executions\n", (unsigned long long)executions);
            fflush(stdout);
            _exit(result);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
            abort();
        if (WEXITSTATUS(status) != AGAIN)
            return WEXITSTATUS(status);
    }
    if (result == PASSED)
        printf("passed %llu executions\n", (unsigned long long)executions);
    return result;
}

int usage()
{
    fprintf(stderr, "usage: MODEL [--full | --bound N | --random] [--executions N] [--depth N] "
                    "[--history]\n");
    return WRONG_OPTION;
}

bool parse(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        bool more = i + 1 < argc;
        if (a == "--full" || a == "--random")
            o->search = a.substr(2);
        else if (a == "--bound" && more)
            o->bound = (unsigned)atoi(argv[++i]);
        else if (a == "--executions" && more)
            o->executions = (rl::iteration_t)atoll(argv[++i]);
        else if (a == "--depth" && more)
            o->depth = (unsigned)atoi(argv[++i]);
        else if (a == "--history")
            o->history = true;
        else if (a[0] != '-' && o->name.empty())
            o->name = a;
        else
            return false;
    }
    return !o->name.empty();
}

} // namespace

int main(int argc, char **argv)
{
    options o;
    if (!parse(&o, argc, argv))
        return usage();
    void *shared =
        mmap(nullptr, sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    words = static_cast<learnt *>(shared);
    for (checked = models; checked->name; checked++)
        if (o.name == checked->name)
            break;
    switch (checked->threads) {
    case 1:
        return check<1>(o);
    case 2:
        return check<2>(o);
    case 3:
        return check<3>(o);
    case 4:
        return check<4>(o);
    default:
        fprintf(stderr, "%s: no such model\n", o.name.c_str());
        return WRONG_OPTION;
    }
}
