/* model/cells.h: what the checker knows of the atomics and plain words of an execution. Included by
 * checker.cpp only. */
#ifndef WEFT_MODEL_CELLS_H
#define WEFT_MODEL_CELLS_H

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <ostream>

#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef free
#undef $

#include "model/checker.h"

namespace
{

/* One more than any execution before; what the cells of the models are marked with. */
uint32_t execution;
const uint32_t gone = 0xdddddddd;

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

    uintptr_t at = 0;    /* the word */
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
    cell &c = pool.cell_at(a.cell->index);
    c.at = (uintptr_t)a.value;
    return c;
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

#endif
