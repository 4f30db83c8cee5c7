/* model/order.h: how a full search goes through the orders of the threads' steps: each order once, where two
 * are one if they differ only in steps that commute.
 *
 * A step is what a thread does from one scheduling point to the next: first one operation that others can
 * notice, then what concerns itself only. Before a thread stops there it says what that operation touches.
 * Two operations are apart if they touch different words, or the same and none writes: Relacy keeps what it
 * knows of an atomic with the atomic, and what it knows of a thread with the thread, so that either order of
 * the two leaves the same state, and neither lets or hinders the other thread. What a step does to plain
 * memory needs no part in this: if the steps of two threads, one right after the other, touched the same
 * plain memory with operations that are apart, nothing would order the two, which is a race; those in a
 * model_plain are found in either order, memory that is freed and the clock are operations of their own.
 *
 * Sleep sets (Godefroid 1996): once the search is through with all that begins with a step of thread A, it
 * turns to another thread, and A sleeps until that one has made a step that is not apart from A's. While it
 * sleeps, all that A could begin would be an order that was there. Of the orders that are equal at least one
 * is run to its end; so is each state in which all sleep, and each failure.
 *
 * Two more:
 * - A step with no operation in front (a thread that begins, or that goes on after it let others go first)
 *   is apart from everything. It is made at once, and nothing else needs to be tried in its place.
 * - A thread that yields again and again, because it spins, goes on after another one's step; if none can
 *   make one, at once. So such a yield is apart from nothing.
 */
#ifndef WEFT_MODEL_ORDER_H
#define WEFT_MODEL_ORDER_H

#include <cstdint>

#include <relacy/relacy.hpp>

enum { THREADS = 4 };

/* What a thread does next: from..to is touched. */
struct step {
    uintptr_t from, to;
    bool writes;
    const uint32_t *lock; /* it cannot be made while that is not 0; NULL: always */
};
const step nothing = {1, 1, false, NULL}, everything = {0, UINTPTR_MAX, true, NULL};
extern step next_step[THREADS];

inline bool apart(const step &a, const step &b)
{
    return a.to <= b.from || b.to <= a.from || !(a.writes || b.writes);
}

template <rl::thread_id_t threads>
class each_order_once
    : public rl::tree_search_scheduler<each_order_once<threads>,
                                       rl::tree_search_scheduler_thread_info<threads>, threads>
{
  public:
    typedef rl::tree_search_scheduler<each_order_once<threads>,
                                      rl::tree_search_scheduler_thread_info<threads>, threads>
        base;
    typedef typename base::thread_info_t thread_info_t;
    typedef typename base::shared_context_t shared_context_t;

    each_order_once(rl::test_params &p, shared_context_t &ctx, rl::thread_id_t dynamic)
        : base(p, ctx, dynamic)
    {
    }

    rl::thread_id_t iteration_begin_impl()
    {
        this->stree_depth_ = 0;
        asleep = yielded = 0;
        repeats = false;
        for (step &s : next_step)
            s = nothing;
        return 0;
    }

    rl::thread_id_t schedule_impl(rl::unpark_reason &reason, unsigned yield)
    {
        unsigned me = this->thread_->index_;
        if (yield && this->thread_->state_ == rl::thread_state_running) {
            yielded |= bit(me);
            next_step[me] = nothing;
        }
        unsigned running = those_running(), timed = those_timed();
        unsigned at_once = running & ~yielded ? running & ~yielded : running;
        reason = rl::unpark_reason_normal;
        for (unsigned i = 0; i < threads; i++)
            if ((at_once & bit(i)) && next_step[i].to == nothing.to)
                return go_on(i);
        if (!(at_once | timed))
            rl::ctx().fail_test("all wait for locks", rl::test_result_deadlock, RL_INFO);
        unsigned i = choose(at_once | timed, me);
        if (timed & bit(i)) {
            this->unpark_thread(i);
            reason = rl::unpark_reason_timeout;
        }
        return go_on(i);
    }

    /* What a load reads is not tried either where the order was there. */
    unsigned rand_impl(unsigned n, rl::sched_type t)
    {
        return repeats ? 0 : base::rand_impl(n, t);
    }

    double iteration_count_approx()
    {
        return 1;
    }

  private:
    unsigned asleep, yielded; /* threads, a bit each */
    bool repeats; /* all who could go on sleep: the rest is run in any order, to end it */

    static unsigned bit(unsigned i)
    {
        return 1u << i;
    }

    unsigned those_running() const
    {
        unsigned all = 0;
        for (rl::thread_id_t i = 0; i < this->running_threads_count; i++) {
            const uint32_t *lock = next_step[this->running_threads[i]].lock;
            if (!lock || *lock == 0)
                all |= bit(this->running_threads[i]);
        }
        return all;
    }

    unsigned those_timed() const
    {
        unsigned all = 0;
        for (rl::thread_id_t i = 0; i < this->timed_thread_count_; i++)
            all |= bit(this->timed_threads_[i]->index_);
        return all;
    }

    /* A step with nothing in front does not end what others wait for who yielded. */
    rl::thread_id_t go_on(unsigned i)
    {
        if (next_step[i].to != nothing.to)
            yielded = 0;
        yielded &= ~bit(i);
        return i;
    }

    unsigned choose(unsigned able, unsigned me)
    {
        unsigned order[threads], n = 0;
        repeats |= (able & ~asleep) == 0;
        for (unsigned k = 0; k < threads; k++) {
            unsigned i = (me + k) % threads;
            if ((able & bit(i)) && (repeats || !(asleep & bit(i))))
                order[n++] = i;
        }
        unsigned chosen = n > 1 ? rand_impl(n, rl::sched_type_sched) : 0;
        for (unsigned k = 0; k < chosen; k++)
            asleep |= bit(order[k]);
        unsigned i = order[chosen];
        for (unsigned k = 0; k < threads; k++)
            if (!apart(next_step[k], next_step[i]))
                asleep &= ~bit(k);
        asleep &= ~bit(i);
        return i;
    }

    RL_NOCOPY(each_order_once);
};

#endif
