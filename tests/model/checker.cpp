/* The checker behind model/checker.h: Relacy, with the atomics of the models as cells of a pool. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <ostream>
#include <streambuf>
#include <string>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef free
#undef $

#include "model/checker.h"

namespace
{

/* How a search ends. */
enum { PASSED, FAILED, WRONG_OPTION, CUT_OFF, AGAIN };

/* One more than any execution before; what the cells of the models are marked with. */
uint32_t execution;
const uint32_t gone = 0xdddddddd;
rl::iteration_t executions, limit;
const model *checked;

rl::debug_info here(const char *file, unsigned line)
{
    return rl::debug_info("", file, line);
}

rl::debug_info here(const model_access &a)
{
    return here(a.file, a.line);
}

/* A value as Relacy wants it: its default is what the cell that is being made begins with. */
template <typename U> struct word {
    static U first;
    U v;
    word() : v(first)
    {
    }
    word(U x) : v(x)
    {
    }
    operator U() const
    {
        return v;
    }
};
template <typename U> U word<U>::first;
template <typename U> std::ostream &operator<<(std::ostream &s, const word<U> &w)
{
    return s << (uint64_t)w.v;
}

struct cell {
    virtual uint64_t load(const model_access &a, rl::memory_order order) = 0;
    virtual void store(const model_access &a, uint64_t x, rl::memory_order order) = 0;
    virtual uint64_t modify(const model_access &a, model_op op, uint64_t x,
                            rl::memory_order order) = 0;
    virtual bool cas(const model_access &a, void *expect, uint64_t x, rl::memory_order ok,
                     rl::memory_order no) = 0;
    virtual bool sleep(const model_access &a, bool timed) = 0;
    virtual void wake(const model_access &a, int n) = 0;
    virtual ~cell()
    {
    }

    uint8_t threads = 0; /* that touched it: a bit each */
    bool written = false;
};

/* Relacy leaves it open who has seen the first value of an atomic. Nobody has, so far. */
template <int threads> void unseen(rl::atomic_data *data)
{
    auto *d = static_cast<rl::atomic_data_impl<threads> *>(data);
    for (auto &seen : d->history_[d->current_index_ % rl::atomic_history_size].first_seen_order_)
        seen = (rl::timestamp_t)-1;
}
void (*make_unseen)(rl::atomic_data *data);

template <typename U> struct cell_of : cell {
    rl::generic_atomic<word<U>, true> atomic;

    cell_of()
    {
        make_unseen(atomic.impl_); /* private: compiled with -fno-access-control */
    }
    uint64_t load(const model_access &a, rl::memory_order order) override
    {
        return atomic.load(order, here(a)).v;
    }
    void store(const model_access &a, uint64_t x, rl::memory_order order) override
    {
        atomic.store((U)x, order, here(a));
    }
    uint64_t modify(const model_access &a, model_op op, uint64_t x, rl::memory_order order) override
    {
        U v = (U)x;
        switch (op) {
        case MODEL_EXCHANGE:
            return atomic.rmw(rl::rmw_type_t<rl::rmw_type_swap>(), v, order, here(a)).v;
        case MODEL_ADD:
            return atomic.rmw(rl::rmw_type_t<rl::rmw_type_add>(), v, order, here(a)).v;
        case MODEL_SUB:
            return atomic.rmw(rl::rmw_type_t<rl::rmw_type_sub>(), v, order, here(a)).v;
        case MODEL_OR:
            return atomic.rmw(rl::rmw_type_t<rl::rmw_type_or>(), v, order, here(a)).v;
        case MODEL_AND:
            return atomic.rmw(rl::rmw_type_t<rl::rmw_type_and>(), v, order, here(a)).v;
        }
        abort();
    }
    bool cas(const model_access &a, void *expect, uint64_t x, rl::memory_order ok,
             rl::memory_order no) override
    {
        word<U> seen;
        memcpy(&seen.v, expect, sizeof seen.v);
        bool done =
            atomic.compare_exchange(rl::bool_t<false>(), seen, word<U>((U)x), ok, no, here(a));
        memcpy(expect, &seen.v, sizeof seen.v);
        return done;
    }
    bool sleep(const model_access &a, bool timed) override
    {
        return atomic.wait(rl::ctx(), timed, false, here(a)) != rl::unpark_reason_timeout;
    }
    void wake(const model_access &a, int n) override
    {
        atomic.wake(rl::ctx(), n, here(a));
    }
};

/* The words that matter: those that two threads touch in one execution, one of them writing. Only at an
 * access to such a word need other threads have a turn: all other accesses commute with theirs. Which
 * they are is learnt from executions. A search that goes through all of them starts again when it meets
 * a new one; so the words outlive the process that searches. */
struct learnt {
    enum { SLOTS = 1 << 16 };
    uintptr_t slot[SLOTS];

    bool find(uintptr_t at, bool add)
    {
        uint32_t i = (uint32_t)(at * 0x9e3779b97f4a7c15u >> 48);
        for (; slot[i]; i = (i + 1) % SLOTS)
            if (slot[i] == at)
                return true;
        if (add)
            slot[i] = at;
        return false;
    }
};
learnt *words;
/* Of this execution; for the next, since one that failed is repeated as it was. */
rl::vector<uintptr_t>::type lesson;
bool side_by_side, whole;
enum { THREADS = 4, STACK = 64 * 1024 }; /* as in Relacy */
uintptr_t stacks[THREADS];

/* The cells of an execution. Relacy must neither count nor delay their memory. */
struct pool {
    enum { CELLS = 8192 };
    alignas(16) char cells[CELLS][sizeof(cell_of<uint64_t>)];
    uint32_t used;
    alignas(16) char plains[CELLS][sizeof(rl::var<uint64_t>)];
    uint32_t plains_used;

    cell &cell_at(uint32_t i)
    {
        return *reinterpret_cast<cell *>(cells[i]);
    }
    rl::var<uint64_t> &plain_at(uint32_t i)
    {
        return *reinterpret_cast<rl::var<uint64_t> *>(plains[i]);
    }
    /* What a failed execution left is of a checker that is no more. */
    void forget()
    {
        used = plains_used = 0;
        execution++;
    }
    void clear()
    {
        for (uint32_t i = 0; i < used; i++)
            cell_at(i).~cell();
        for (uint32_t i = 0; i < plains_used; i++)
            plain_at(i).~var();
        forget();
    }
} pool;

void no_room(uint32_t used)
{
    if (used < pool::CELLS)
        return;
    fprintf(stderr, "model: more than %d atomics\n", pool::CELLS);
    abort();
}

void must_be_there(const model_cell *c, const rl::debug_info &info)
{
    if (c->execution == gone)
        rl::ctx().fail_test("memory that its owner freed", rl::test_result_access_to_freed_memory,
                            info);
}

/* During an access to a word that does not matter, nobody else has a turn. */
class turn
{
  public:
    turn(cell &c, const model_access &a, bool writes) : quiet(side_by_side)
    {
        if (!quiet)
            return;
        uintptr_t at = word_at(a.value);
        c.threads |= (uint8_t)(1 << rl::thread_index());
        c.written |= writes;
        if (words->find(at, false))
            quiet = false;
        else if (c.written && (c.threads & (c.threads - 1)))
            learn(at);
        if (quiet)
            rl::ctx().disable_preemption();
    }
    ~turn()
    {
        if (quiet)
            rl::ctx().enable_preemption();
    }

  private:
    bool quiet;

    /* The stacks of threads lie elsewhere when an execution is repeated. */
    static uintptr_t word_at(const void *value)
    {
        uintptr_t at = (uintptr_t)value;
        for (uintptr_t i = 0; i < THREADS; i++)
            if (at - stacks[i] < STACK)
                return (i + 1) * STACK + (at - stacks[i]);
        return at;
    }

    static void learn(uintptr_t at)
    {
        if (whole) {
            words->find(at, true);
            fflush(stdout);
            _exit(AGAIN);
        }
        lesson.push_back(at);
    }
};

template <typename U> void make(const model_access &a)
{
    memcpy(&word<U>::first, a.value, sizeof(U));
    new (pool.cells[pool.used]) cell_of<U>;
}

cell &cell_of_access(const model_access &a)
{
    must_be_there(a.cell, here(a));
    if (a.cell->execution == execution)
        return pool.cell_at(a.cell->index);
    no_room(pool.used);
    switch (a.size) {
    case 1:
        make<uint8_t>(a);
        break;
    case 2:
        make<uint16_t>(a);
        break;
    case 4:
        make<uint32_t>(a);
        break;
    case 8:
        make<uint64_t>(a);
        break;
    default:
        abort();
    }
    *a.cell = {execution, pool.used++};
    return pool.cell_at(a.cell->index);
}

rl::var<uint64_t> &plain_of(model_cell *c, const rl::debug_info &info)
{
    must_be_there(c, info);
    if (c->execution != execution) {
        no_room(pool.plains_used);
        new (pool.plains[pool.plains_used]) rl::var<uint64_t>;
        *c = {execution, pool.plains_used++};
    }
    return pool.plain_at(c->index);
}

rl::memory_order order_of(int order)
{
    static const rl::memory_order all[] = {rl::mo_relaxed, rl::mo_acquire, rl::mo_release,
                                           rl::mo_acq_rel, rl::mo_seq_cst};
    return all[order];
}

} // namespace

uint64_t model_load(model_access a, int order)
{
    cell &c = cell_of_access(a);
    turn t(c, a, false);
    return c.load(a, order_of(order));
}

void model_store(model_access a, uint64_t x, int order)
{
    cell &c = cell_of_access(a);
    turn t(c, a, true);
    c.store(a, x, order_of(order));
}

uint64_t model_modify(model_access a, model_op op, uint64_t x, int order)
{
    cell &c = cell_of_access(a);
    turn t(c, a, true);
    return c.modify(a, op, x, order_of(order));
}

/* Relacy takes no failure order that is stronger than the success order, as C11 did. */
bool model_cas(model_access a, void *expect, uint64_t x, int ok, int no)
{
    if (ok == WEFT_RELEASE || ok == WEFT_RELAXED)
        no = WEFT_RELAXED;
    cell &c = cell_of_access(a);
    turn t(c, a, true);
    return c.cas(a, expect, x, order_of(ok), order_of(no));
}

void model_fence(void)
{
    rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
}

void model_yield(void)
{
    rl::yield(1, RL_INFO);
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

void model_gone(void *from, size_t size)
{
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
    cell &c = cell_of_access(word);
    uint64_t now;
    rl::ctx().sched();
    {
        rl::preemption_disabler whole(rl::ctx());
        now = c.modify(word, MODEL_OR, 0, rl::mo_relaxed);
    }
    return now != seen || c.sleep(word, timed);
}

/* Of the word no more than the address is used: it may be gone. */
void model_wake(model_access word, int n)
{
    rl::ctx().sched();
    if (word.cell->execution == gone)
        return;
    cell_of_access(word).wake(word, n);
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
    unsigned bound = 0, depth = 5000;
    rl::iteration_t executions = 1000;
    bool history = false;
};

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
    limit = whole ? most : UINT64_MAX;
    executions = 0;
    make_unseen = unseen<threads>;
    if (rl::simulate<suite<threads>>(p))
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
