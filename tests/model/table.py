"""What scripts/model runs: the programs, their models, and the mutants that have to be caught."""

from dataclasses import dataclass, field

MILLION = 1_000_000


@dataclass
class Model:
    """One scenario. `search` is "full", "bound=N" or "random"; the limits are executions."""

    name: str
    search: str
    what: str
    long: int = 50 * MILLION
    short: int = 100_000


@dataclass
class Mutant:
    """The program with `changes` (FILE, OLD, NEW), which `model` has to find within `executions`."""

    name: str
    what: str
    model: str
    changes: list
    executions: int = 500_000


@dataclass
class Program:
    """NAME_model.c with the files of lib/ `sources`, made smaller by the changes of `smaller`."""

    name: str
    models: list
    mutants: list
    sources: list = field(default_factory=list)
    smaller: list = field(default_factory=list)
    flags: list = field(default_factory=list)


GUARD = Program(
    "guard",
    [
        Model("guard.two", "full", "two take it"),
        Model("guard.again", "full", "twice each"),
        Model("guard.frees", "full", "twice each, the last one frees it"),
        Model("guard.latch", "full", "two take the latch, twice each"),
        Model("guard.latch-frees", "full", "and the last one frees it"),
        Model("guard.three", "random", "three, twice each", 2 * MILLION),
        Model("guard.three-free", "random", "three, twice each, the last one frees it", 2 * MILLION),
        Model("guard.three-latch", "random", "three take the latch, twice each", 2 * MILLION),
    ],
    [
        Mutant("guard.take-relaxed", "the next holder does not look for what the last one wrote", "guard.two",
               [("port/guard.h", "weft_atomic_cas(g, &none, 1, WEFT_ACQUIRE, WEFT_RELAXED)",
                 "weft_atomic_cas(g, &none, 1, WEFT_RELAXED, WEFT_RELAXED)")]),
        Mutant("guard.slow-relaxed", "the same, of one that had to wait", "guard.again",
               [("port/linux/guard.c", "weft_atomic_exchange(g, 2, WEFT_ACQUIRE)",
                 "weft_atomic_exchange(g, 2, WEFT_RELAXED)")]),
        Mutant("guard.drop-relaxed", "what a holder wrote is not published", "guard.two",
               [("port/guard.h", "weft_atomic_exchange(g, 0, WEFT_RELEASE)", "weft_atomic_exchange(g, 0, WEFT_RELAXED)")]),
        Mutant("guard.no-wake", "who drops it wakes nobody", "guard.again",
               [("port/guard.h", "== 2)\n        weft__futex_wake(g, 1, false);", "== 2)\n        (void)g;")]),
        Mutant("guard.taken-as-one", "who slept takes it as if nobody else did", "guard.three",
               [("port/linux/guard.c", "    while (weft_atomic_exchange(g, 2, WEFT_ACQUIRE) != 0)\n        weft__futex_wait(g, 2, INT64_MAX, false);",
                 "    while (weft_atomic_exchange(g, 2, WEFT_ACQUIRE) != 0)\n        weft__futex_wait(g, 2, INT64_MAX, false);\n"
                 "    weft_atomic_store(g, 1, WEFT_RELAXED);")]),
        Mutant("guard.drop-late", "it is looked at after it was dropped", "guard.frees",
               [("port/guard.h", "weft_atomic_exchange(g, 0, WEFT_RELEASE) == 2)",
                 "weft_atomic_exchange(g, 0, WEFT_RELEASE) == 2 && weft_atomic_load(g, WEFT_RELAXED) != 1)")]),
        Mutant("guard.latch-relaxed", "what a holder of the latch wrote is not published", "guard.latch",
               [("port/latch.h", "weft_atomic_store(l, 0, WEFT_RELEASE);", "weft_atomic_store(l, 0, WEFT_RELAXED);")]),
        Mutant("guard.latch-blind", "who looked whether the latch is free does not take it", "guard.latch",
               [("port/linux/guard.c", "if (weft_atomic_load(l, WEFT_RELAXED) == 0 && weft__latch_try(l))",
                 "if (weft_atomic_load(l, WEFT_RELAXED) == 0)")]),
    ],
    sources=["../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 1 };")],
)

RING = Program(
    "ring",
    [
        Model("ring.publish", "full", "two pushes, a thief"),
        Model("ring.front", "full", "two pops, a thief"),
        Model("ring.back", "full", "two takes from the back, a thief"),
        Model("ring.around", "full", "a slot is used again while a thief reads it"),
        Model("ring.last", "full", "an index comes again with another task in it"),
        Model("ring.all", "random", "everything, two thieves", 2 * MILLION),
    ],
    [
        Mutant("ring.push-relaxed", "push publishes without release", "ring.publish",
               [("task/ring.h", "back + 1, WEFT_RELEASE); /* Q1; pairs with steal */",
                 "back + 1, WEFT_RELAXED);")]),
        Mutant("ring.steal-relaxed", "a thief reads `back` without acquire", "ring.publish",
               [("task/ring.h", "weft_atomic_load(&r->back, WEFT_ACQUIRE); /* Q1; pairs with push */",
                 "weft_atomic_load(&r->back, WEFT_RELAXED);")]),
        Mutant("ring.no-tag", "a take from the back leaves the tag", "ring.last",
               [("task/ring.h", "front + ((uint64_t)1 << 32),", "front,")]),
        Mutant("ring.push-blind", "push does not see that the thief is done", "ring.around",
               [("task/ring.h",
                 "uint64_t front = weft_atomic_load(&r->front, WEFT_ACQUIRE);\n"
                 "    if (back - weft__ring_index(front) >= WEFT__RING_SLOTS)",
                 "uint64_t front = weft_atomic_load(&r->front, WEFT_ACQUIRE);\n"
                 "    if (back - weft__ring_index(front) > WEFT__RING_SLOTS)")]),
        Mutant("ring.back-late", "the back is lowered after the tag", "ring.back",
               [("task/ring.h", "    weft_atomic_store(&r->back, back, WEFT_RELAXED);\n    while",
                 "    while")]),
    ],
    flags=["-DWEFT__RING_SLOTS=2u"],
)

FORKS = Program(
    "forks",
    [
        Model("forks.one", "full", "a join, a thief"),
        Model("forks.asked", "full", "a thief asks, a fork shares"),
        Model("forks.shared", "full", "a thief asks, and gets what is forked beside it"),
        Model("forks.again", "full", "a slot is used again"),
        Model("forks.order", "full", "joins in the order of the forks, a thief"),
        Model("forks.thieves", "random", "the same, two thieves", 2 * MILLION),
        Model("forks.many", "random", "out of order, more than fit, two thieves", MILLION),
        Model("forks.tree", "random", "children with children, two thieves", MILLION),
    ],
    [
        Mutant("forks.share-relaxed", "a thief does not see the child", "forks.shared",
               [("task/forks.h", "weft_atomic_fetch_add(&f->span, (uint64_t)n << 32, WEFT_SEQ_CST);",
                 "weft_atomic_fetch_add(&f->span, (uint64_t)n << 32, WEFT_RELAXED);"),
                ("task/fork.c", "    weft_atomic_fence(); /* F4, I2 */\n", "")]),
        Mutant("forks.done-relaxed", "the parent does not see what the thief did", "forks.one",
               [("task/fork.c", "weft_atomic_exchange(taken->slot, taken->child | WEFT__SLOT_DONE, WEFT_ACQ_REL);",
                 "weft_atomic_exchange(taken->slot, taken->child | WEFT__SLOT_DONE, WEFT_RELAXED);")]),
        Mutant("forks.no-grant", "the thief leaves the parent asleep", "forks.one",
               [("task/fork.c", "    if (seen & WEFT__SLOT_WAITED)\n", "    if (false)\n")]),
        Mutant("forks.waited-kept", "a thief that reads late takes the bit for the child's", "forks.one",
               [("task/forks.h", "WEFT__SLOT_CHILD(weft_atomic_load(*slot, WEFT_RELAXED))",
                 "weft_atomic_load(*slot, WEFT_RELAXED)")]),
        Mutant("forks.blind-reclaim", "the owner takes back what a thief has", "forks.one",
               [("task/forks.h", "        if (weft__span_tail(span) > i)\n            return false;\n", "")]),
        Mutant("forks.holes-forgotten", "a join above a hole goes the quick way", "forks.order",
               [("task/forks.h", "f->holes > 0 ?", "false ?")]),
    ],
    sources=["task/fork.c", "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[
        ("task/fork.c", "enum { SLOTS = 8192 };", "enum { SLOTS = 3 };"),
        ("task/fork.c", "enum { SPINS = 30 };", "enum { SPINS = 1 };"),
        ("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
    ],
)

IDLE = Program(
    "idle",
    [
        Model("idle.wake", "full", "a worker goes to sleep, a task comes from outside"),
        Model("idle.kick", "full", "a worker goes to sleep, a source has something"),
        Model("idle.timer", "full", "a worker goes to sleep, another one adds a timer"),
        Model("idle.pool", "random", "two tasks from outside that need a worker each", 2 * MILLION),
        Model("idle.token", "random", "the holder computes: the other one takes the token", 2 * MILLION),
        Model("idle.chain", "random", "one wake wakes the next", 2 * MILLION),
    ],
    [
        Mutant("idle.no-fence-maker", "who makes work looks for sleepers without a barrier", "idle.chain",
               [("task/worker.h", "    if (!w->idle.light)\n        weft_atomic_fence();\n", ""),
                ("task/idle.c", "    weft_atomic_fence(); /* I2: between the work that was made and this look */\n", "")]),
        Mutant("idle.no-last-look", "a worker sleeps without another look", "idle.wake",
               [("task/idle.c", "    if (weft__any_work(w)) {\n        leave(me);\n        return;\n    }\n    if (!weft__token",
                 "    if (!weft__token")]),
        Mutant("idle.searcher-leaves", "the last searcher does not look again", "idle.pool",
               [("task/idle.c", "WEFT_SEQ_CST) == 1 &&\n", "WEFT_SEQ_CST) == 77 &&\n")]),
        Mutant("idle.moved-quietly", "tasks that leave the inbox for a ring wake nobody", "idle.pool",
               [("task/work.c", "    if (got > 1)\n        weft__wake_one(me->rt);\n", "")]),
        Mutant("idle.no-ring", "a sleeper in the poller is woken on its word", "idle.wake",
               [("task/idle.c", "if (sleeper->in_poller)", "if (false)")]),
        Mutant("idle.early-stay", "the holder is to be rung before it can hear", "idle.pool",
               [("task/idle.c", "    bool asleep = !weft__list_empty(&me->asleep);\n    me->in_poller = asleep;\n",
                 "    bool asleep = true;\n    me->in_poller = asleep;\n")]),
        Mutant("idle.token-kept-quiet", "nobody is woken when the holder leaves to work", "idle.token",
               [("task/idle.c", "    if (weft__any_work(w))\n        weft__pass_token(w);\n", ""),
                ("task/poll.c", "    weft__pass_token(w); /* I3", "    /* I3"),
                ("task/idle.c", "(weft__any_work(w) || weft_atomic_load(&w->poll.token, WEFT_SEQ_CST) == 0)",
                 "weft__any_work(w)")]),
        Mutant("idle.timer-unheard", "the holder reads the timers before it says until when it sleeps", "idle.timer",
               [("task/poll.c", "    weft_atomic_exchange(&w->poll.sleeps_until, INT64_MAX, WEFT_SEQ_CST);\n    int64_t timer = next_timer(w), trim = weft__stacks_due(&w->stacks);\n",
                 "    int64_t timer = next_timer(w), trim = weft__stacks_due(&w->stacks);\n    weft_atomic_exchange(&w->poll.sleeps_until, INT64_MAX, WEFT_SEQ_CST);\n")]),
        Mutant("idle.kick-unheard", "sources are armed before the holder says until when it sleeps", "idle.kick",
               [("task/poll.c", "    weft_atomic_exchange(&w->poll.sleeps_until, INT64_MAX, WEFT_SEQ_CST);\n    int64_t timer = next_timer(w), trim = weft__stacks_due(&w->stacks);\n",
                 "    int64_t timer = next_timer(w), trim = weft__stacks_due(&w->stacks);\n"),
                ("task/poll.c", "    if (armed) {\n        if (stay(arg))\n",
                 "    if (armed) {\n        weft_atomic_exchange(&w->poll.sleeps_until, INT64_MAX, WEFT_SEQ_CST);\n        if (stay(arg))\n")]),
    ],
    sources=["task/work.c", "task/idle.c", "task/poll.c", "task/timer.c", "task/engine.c", "task/place.c",
             "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

WAIT = Program(
    "wait",
    [
        Model("wait.thread", "full", "a thread waits, another one grants; the first frees the primitive"),
        Model("wait.task", "full", "the same with a task that leaves its stack"),
        Model("wait.thread-cancelled", "full", "a thread is cancelled and granted at once"),
        Model("wait.task-cancelled", "full", "the same with a task"),
        Model("wait.thread-twice", "full", "and then waits again"),
        Model("wait.task-twice", "full", "the same with a task"),
        Model("wait.late", "random", "a task, its timer, and a grant", 2 * MILLION),
        Model("wait.both", "random", "a thread and a task, granted at once", 2 * MILLION),
        Model("wait.frees", "random", "one is cancelled, the other frees the primitive", 2 * MILLION),
    ],
    [
        Mutant("wait.no-wake", "a thread that sleeps is granted quietly", "wait.thread",
               [("task/wait.c", "    else if (seen == WEFT__ASLEEP)\n        weft__futex_wake(&w->state, 1, false);\n", "")]),
        Mutant("wait.grant-relaxed", "what was written before a grant is not seen", "wait.thread",
               [("task/wait.c", "weft_atomic_fetch_or(&w->state, bit, WEFT_ACQ_REL)",
                 "weft_atomic_fetch_or(&w->state, bit, WEFT_RELAXED)")]),
        Mutant("wait.parked-relaxed", "who resumes a task does not see its stack", "wait.task",
               [("task/worker.c", "if (!weft_atomic_cas(&t->waiter.state, &nothing, WEFT__PARKED, WEFT_ACQ_REL, WEFT_RELAXED))",
                 "if (!weft_atomic_cas(&t->waiter.state, &nothing, WEFT__PARKED, WEFT_RELAXED, WEFT_RELAXED))")]),
        Mutant("wait.parked-over", "a task that parks overwrites what it was told", "wait.task",
               [("task/worker.c", "if (!weft_atomic_cas(&t->waiter.state, &nothing, WEFT__PARKED, WEFT_ACQ_REL, WEFT_RELAXED))",
                 "if (weft_atomic_exchange(&t->waiter.state, WEFT__PARKED, WEFT_ACQ_REL) == 77)")]),
        Mutant("wait.both-ends", "who was granted leaves as cancelled", "wait.task-cancelled",
               [("task/wait.c", "bool mine = !(weft_atomic_load(&w->stage, WEFT_RELAXED) & WEFT__WAIT_TAKEN);",
                 "bool mine = true;"),
                ("task/wait.c", "    if (!weft_atomic_cas(&w->stage, &stage, WEFT__WAIT_LEAVING, WEFT_ACQ_REL, WEFT_ACQUIRE))\n        return false;\n",
                 "    (void)stage;\n")]),
        Mutant("wait.unsettled", "one is let go while another is on its way out", "wait.frees",
               [("task/wait.c", "        settle(w);\n", "        (void)w;\n")]),
    ],
    sources=["../tests/model/leave.c", "task/worker.c", "task/wait.c", "task/fork.c", "task/timer.c", "../tests/model/port.c",
             "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

LOCK = Program(
    "lock",
    [
        Model("lock.two", "full", "a task and a thread"),
        Model("lock.frees", "full", "the last one frees it"),
        Model("lock.handed", "full", "who waited for long is handed it"),
        Model("lock.cancelled", "full", "one is cancelled while it waits"),
        Model("lock.three", "random", "two tasks and a thread, twice each", 2 * MILLION),
        Model("lock.three-handed", "random", "and who waited for long is handed it", 2 * MILLION),
        Model("lock.three-free", "random", "and the last one frees it", 2 * MILLION),
        Model("lock.all", "random", "one polls, one waits, one is cancelled", 2 * MILLION),
    ],
    [
        Mutant("lock.no-queued", "who queues does not say so", "lock.two",
               [("sync/lock.c", "(held ? QUEUED : self)", "(held ? 0 : self)")]),
        Mutant("lock.release-relaxed", "the next holder does not see what the last one wrote", "lock.two",
               [("sync/lock.c", "    /* pairs with weft_lock_acquire_at and try_once: what this holder wrote */\n    if (weft_atomic_cas(&l->word, &v, 0, WEFT_RELEASE, WEFT_RELAXED))",
                 "    if (weft_atomic_cas(&l->word, &v, 0, WEFT_RELAXED, WEFT_RELAXED))")]),
        Mutant("lock.no-wake", "the first is taken out and left asleep", "lock.two",
               [("sync/lock.c", "    weft__guard_drop(g);\n    weft__wait_let_go(first);\n", "    weft__guard_drop(g);\n")]),
        Mutant("lock.queued-kept", "who leaves the queue leaves QUEUED behind", "lock.cancelled",
               [("sync/lock.c", "    if (!weft__wait_first(q))\n        weft_atomic_fetch_and(&l->word, ~QUEUED, WEFT_RELAXED); /* L2 */\n",
                 "    (void)q, (void)l;\n")]),
        Mutant("lock.woken-kept", "who was woken does not say that it came", "lock.two",
               [("sync/lock.c", "if (weft_atomic_cas(&l->word, &v, (v & ~woken) | self, WEFT_ACQUIRE, WEFT_ACQUIRE))",
                 "if (weft_atomic_cas(&l->word, &v, v | self, WEFT_ACQUIRE, WEFT_ACQUIRE))")]),
    ],
    sources=["../tests/model/leave.c", "sync/lock.c", "task/worker.c", "task/wait.c", "task/fork.c", "task/timer.c", "../tests/model/port.c",
             "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };"),
             ("sync/lock.c", "enum { PASSES = 16 };", "enum { PASSES = 1 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

QUEUE = Program(
    "queue",
    [
        Model("queue.one", "full", "one puts an item, another one gets it, each in its lane"),
        Model("queue.two", "full", "the same with two items"),
        Model("queue.slot", "full", "the same with room for one", short=200_000),
        Model("queue.stream", "full", "the same with three items"),
        Model("queue.wait", "full", "three items, room for one, and no lanes yet"),
        Model("queue.called-back", "full", "a lane is called back from who is in it"),
        Model("queue.visited", "full", "light lanes are called back"),
        Model("queue.ended", "full", "who finds it ended frees it"),
        Model("queue.ended-two", "full", "the same after two items"),
        Model("queue.last-item", "full", "who gets the last item frees it"),
        Model("queue.joined", "full", "one puts an item and joins, then frees it"),
        Model("queue.joined-lanes", "full", "the same, each in its lane"),
        Model("queue.joined-more", "full", "who got the first item puts another one"),
        Model("queue.joined-claim", "full", "the item is written in its slot"),
        Model("queue.two-put", "random", "two put, one gets", 2 * MILLION),
        Model("queue.two-get", "random", "one puts and ends it, two get", 2 * MILLION),
        Model("queue.light", "random", "light lanes, two put, one gets", 2 * MILLION),
        Model("queue.joined-two", "random", "one puts two and joins, two work", 2 * MILLION, 30_000),
        Model("queue.in-place", "random", "in the slots themselves", 2 * MILLION),
    ],
    [
        Mutant("queue.shown-relaxed", "an item is shown before what it says", "queue.stream",
               [("sync/local.h", "weft_atomic_load(&e->count, WEFT_RELAXED) + 1, WEFT_RELEASE);",
                 "weft_atomic_load(&e->count, WEFT_RELAXED) + 1, WEFT_RELAXED);")]),
        Mutant("queue.look-relaxed", "who looks at the other end does not see the item", "queue.one",
               [("sync/local.h", "weft_atomic_load(&other->count, WEFT_ACQUIRE);",
                 "weft_atomic_load(&other->count, WEFT_RELAXED);")]),
        Mutant("queue.blind-entry", "who enters a lane does not look whether it was called back",
               "queue.called-back",
               [("sync/lane.h", "    if (weft_atomic_load(&l->holder, WEFT_SEQ_CST) == holder) /* N3; pairs with call_back */\n        return true;\n",
                 "    return true;\n")]),
        Mutant("queue.undrained", "a lane is called back from under who is in it", "queue.called-back",
               [("sync/lane.h", "weft_atomic_load(&l->inside, WEFT_SEQ_CST) != 0; i++", "false; i++")]),
        Mutant("queue.light-unfenced", "a light lane without the barrier of the others", "queue.visited",
               [("sync/lanes.c", "        weft__barrier_all();\n", ""),
                ("sync/lane.h", "        weft__barrier_light(); /* N3; pairs with weft__barrier_all in who calls back */\n", "")]),
        Mutant("queue.left-waiting", "who was served is not let go", "queue.wait",
               [("sync/local.c", "    weft__guard_drop(weft__sync_guard(&q->head));\n    weft__wait_let_all_go(served.first);\n    if (wait)\n",
                 "    weft__guard_drop(weft__sync_guard(&q->head));\n    if (wait)\n")]),
        Mutant("queue.handed-uncounted", "an item from hand to hand counts for nobody", "queue.joined",
               [("sync/join.c", " + q->put.open + q->handed;", " + q->put.open;")]),
        Mutant("queue.join-blind", "who joins waits although all are done", "queue.joined",
               [("sync/join.c", "    if (q->done != all(q))\n", "")]),
        Mutant("queue.done-early", "who says that an item is done looks for who joins before it counts", "queue.joined",
               [("sync/join.c", "    q->done++;\n    if (weft__wait_first(&q->joins) && q->done == all(q))\n        list = weft__wait_take_all(&q->joins);\n",
                 "    if (weft__wait_first(&q->joins) && q->done == all(q))\n        list = weft__wait_take_all(&q->joins);\n    q->done++;\n")]),
        Mutant("queue.joined-left", "who joined is taken out and left asleep", "queue.joined",
               [("sync/join.c", "    weft__wait_let_all_go(list); /* one of them may close the queue */\n", "    (void)list;\n")]),
        Mutant("queue.done-all", "each item that is done lets go who joins", "queue.joined-more",
               [("sync/join.c", "weft__wait_first(&q->joins) && q->done == all(q)", "weft__wait_first(&q->joins)")]),
    ],
    sources=["../tests/model/leave.c", "sync/local.c", "sync/lanes.c", "sync/join.c", "sync/queue.c", "task/worker.c", "task/wait.c", "task/fork.c", "../tests/model/port.c",
             "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };"),
             ("sync/lane.h", "enum { WEFT__LANE_AFTER = 8 };", "enum { WEFT__LANE_AFTER = 1 };"),
             ("sync/local.h", "WEFT__END_MOMENT = 32,", "WEFT__END_MOMENT = 0,")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

SCOPE = Program(
    "scope",
    [
        Model("scope.task", "full", "a task joins, the last one ends"),
        Model("scope.thread", "full", "the same with an owner that is a thread"),
        Model("scope.two", "random", "two end at once", 2 * MILLION),
        Model("scope.cancelled", "random", "the owner is cancelled while it joins", 2 * MILLION),
    ],
    [
        Mutant("scope.ended-relaxed", "the owner does not see what the tasks did", "scope.task",
               [("task/scope.c", "if (weft_atomic_fetch_sub(&s->live, n, WEFT_ACQ_REL) == WAITING + n)",
                 "if (weft_atomic_fetch_sub(&s->live, n, WEFT_RELAXED) == WAITING + n)")]),
        Mutant("scope.no-grant", "the last one leaves the owner asleep", "scope.task",
               [("task/scope.c", "== WAITING + n)\n        weft__grant(owner);", "== WAITING + n)\n        (void)owner;")]),
        Mutant("scope.withdrawn-late", "the owner withdraws after the last one has ended", "scope.cancelled",
               [("task/scope.c", "        if (v == WAITING)\n            return false;\n", "")]),
    ],
    sources=["../tests/model/leave.c", "task/scope.c", "task/worker.c", "task/wait.c", "task/fork.c",
             "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

TIMED = Program(
    "timed",
    [
        Model("timed.fire", "full", "the owner starts one and joins"),
        Model("timed.cancel", "full", "the owner cancels it as it fires"),
        Model("timed.again", "full", "and starts it again"),
        Model("timed.end", "full", "the owner ends the scope as two fire"),
        Model("timed.cancel-scope", "full", "the scope is cancelled while its owner joins"),
        Model("timed.in-vain", "full", "there is no memory for two that fire"),
        Model("timed.start", "full", "a task starts one while the owner ends the scope"),
        Model("timed.dismiss", "random", "a task cancels it as it fires", 2 * MILLION, 30_000),
        Model("timed.two-start", "random", "two tasks start one each while the owner ends the scope", 2 * MILLION, 30_000),
        Model("timed.start-and-turn", "random", "a task starts one while the owner ends the scope, and it fires",
              2 * MILLION, 30_000),
    ],
    [
        Mutant("timed.early-wheel", "who cancels the scope may look for its wheel before it has said so", "timed.start",
               [("task/timed.c", "weft_atomic_load(&s->wheel, WEFT_SEQ_CST)", "weft_atomic_load(&s->wheel, WEFT_ACQUIRE)")]),
        Mutant("timed.cancel-released", "and with the order the other way round", "timed.start",
               [("task/scope.c", "weft_atomic_store(&s->cancelled, 1, WEFT_SEQ_CST);",
                 "weft_atomic_store(&s->cancelled, 1, WEFT_RELEASE);")]),
        Mutant("timed.early-look", "who starts one looks whether the scope is cancelled before the guard", "timed.start",
               [("task/timed.c", "    weft__latch_take(&wheel->guard);\n    bool cancelled = weft_atomic_load(&s->cancelled, WEFT_SEQ_CST); /* T3; cancel_all */\n",
                 "    bool cancelled = weft_atomic_load(&s->cancelled, WEFT_SEQ_CST);\n    weft__latch_take(&wheel->guard);\n")]),
        Mutant("timed.both-count", "who cancels one counts it out although it has fired", "timed.cancel",
               [("task/timed.c", "    weft__latch_take(&wheel->guard);\n    bool hangs = x->timer.next;\n    if (hangs)\n",
                 "    bool hangs = x->timer.next;\n    weft__latch_take(&wheel->guard);\n    if (x->timer.next)\n")]),
        Mutant("timed.uncounted", "who cancels the scope does not count out what it took", "timed.end",
               [("task/timed.c", "!weft__list_empty(&s->timed); i++, dropped++)", "!weft__list_empty(&s->timed); i++)")]),
        Mutant("timed.counted-early", "who cancels the scope counts out before it is done with it", "timed.cancel-scope",
               [("task/scope.c", "    stir(s);\n    weft__guard_drop(held);\n    if (timers > 0)\n        weft__scope_ended(s, timers);\n",
                 "    if (timers > 0)\n        weft__scope_ended(s, timers);\n    stir(s);\n    weft__guard_drop(held);\n")]),
        Mutant("timed.vain-over", "a second task in vain is told in place of the first", "timed.in-vain",
               [("task/timer.c", "i < BITE && more && !f.in_vain; i++", "i < BITE && more; i++")]),
    ],
    sources=["../tests/model/leave.c", "task/timed.c", "task/timer.c", "task/scope.c", "task/worker.c", "task/wait.c",
             "task/fork.c", "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

CALLS = Program(
    "calls",
    [
        Model("calls.within", "full", "a call with a deadline", short=30_000),
        Model("calls.first", "full", "the first of two calls decides", short=30_000),
        Model("calls.first-late", "full", "the same with a deadline", short=30_000),
        Model("calls.each", "full", "two calls come back as they end", short=30_000),
        Model("calls.each-late", "full", "the same, late and again", short=30_000),
        Model("calls.two-first", "random", "the first of two that run at once decides", 2 * MILLION, 30_000),
        Model("calls.first-ok", "random", "the one that succeeds decides, at once with one that fails", 2 * MILLION, 30_000),
        Model("calls.gather", "random", "the one that fails decides", 2 * MILLION, 30_000),
        Model("calls.two-each", "random", "two calls that run at once come back as they end", 2 * MILLION, 30_000),
    ],
    [
        Mutant("calls.late-effect", "what had its effect after the deadline is not told", "calls.within",
               [("sync/gather.c", "    else if (seen == &given_up && decides_late(g->rule, c->result))\n        (void)weft_atomic_cas(&g->decided, &seen, c, WEFT_RELAXED, WEFT_RELAXED);\n", "")]),
        Mutant("calls.gives-up-late", "who is late cancels them before it says so", "calls.within",
               [("sync/gather.c", "    if (e != WEFT_OK) {\n        weft_call *seen = NULL;\n", "    if (e != WEFT_OK) {\n        weft_call *seen = NULL;\n        weft_scope_cancel(&g->scope);\n")]),
        Mutant("calls.decides-twice", "the last one decides", "calls.gather",
               [("sync/gather.c", "    if (weft_atomic_cas(&g->decided, &seen, c, WEFT_RELAXED, WEFT_RELAXED))\n",
                 "    if (weft_atomic_exchange(&g->decided, c, WEFT_RELAXED) != &given_up)\n")]),
        Mutant("calls.each-quiet", "a call that ends leaves who waits asleep", "calls.each",
               [("sync/each.c", "    if (w)\n        weft__wait_grant(&x->head, w);\n", "    (void)w;\n")]),
        Mutant("calls.each-blind", "who wants the next does not look whether it is there", "calls.each",
               [("sync/each.c", "    while (!x->first && err == WEFT_OK)\n", "    for (bool once = true; once && err == WEFT_OK; once = false)\n")]),
    ],
    sources=["../tests/model/leave.c", "sync/gather.c", "sync/each.c", "sync/call.c", "task/scope.c", "task/worker.c", "task/wait.c",
             "task/fork.c", "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };"),
             # Atomics are larger in a model than a weft_scope has room for.
             ("sync/gather.c", "    weft_scope scope;\n", "    weft_scope scope;\n    char room[1024];\n"),
             ("sync/each.c", "    weft_scope scope;\n", "    weft_scope scope;\n    char room[1024];\n")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

LOOP = Program(
    "loop",
    [
        Model("loop.read", "full", "a stream's reader, and two changes"),
        Model("loop.end", "full", "the peer ends, with the last byte or after it"),
        Model("loop.late", "full", "the reader is late and comes again"),
        Model("loop.write", "full", "a writer, and room"),
        Model("loop.close", "full", "it is closed while one reads"),
        Model("loop.stop", "full", "one that reads again and again is sent away", short=30_000),
        Model("loop.once", "full", "a descriptor of the program's own"),
        Model("loop.once-late", "full", "the same, late and again", short=30_000),
        Model("loop.both", "random", "a reader and a writer", 2 * MILLION, 30_000),
        Model("loop.close-event", "random", "it is closed while one reads and a byte comes", 2 * MILLION, 30_000),
        Model("loop.close-both", "random", "it is closed while one reads and one writes", 2 * MILLION, 30_000),
        Model("loop.once-two", "random", "two wait for a descriptor of the program's own", 2 * MILLION, 30_000),
    ],
    [
        Mutant("loop.seen-late", "an event notes its bits once the guard is dropped", "loop.read",
               [("loop/ready.c", "    if (e->edge)\n        weft_atomic_fetch_or(&e->seen, what, WEFT_RELEASE); /* E1; pairs with take */\n", ""),
                ("loop/ready.c", "key);\n    weft__guard_drop(weft__sync_guard(q));\n",
                 "key);\n    weft__guard_drop(weft__sync_guard(q));\n    weft_atomic_fetch_or(&e->seen, what, WEFT_RELEASE);\n")]),
        Mutant("loop.seen-relaxed", "who takes a bit does not see what it says", "loop.read",
               [("loop/ready.c", "weft_atomic_fetch_or(&e->seen, what, WEFT_RELEASE); /* E1; pairs with take */",
                 "weft_atomic_fetch_or(&e->seen, what, WEFT_RELAXED);")]),
        Mutant("loop.wait-blind", "who waits does not look whether a change came after the try", "loop.write",
               [("loop/ready.c", "if (r->shut || seen & what) {", "(void)seen;\n    if (r->shut) {")]),
        Mutant("loop.end-taken", "the end is not given back after a read that found something", "loop.end",
               [("loop/stream.c", "seen & (WEFT__POLL_END | WEFT__POLL_URGENT);", "seen & WEFT__POLL_URGENT;")]),
        Mutant("loop.once-left", "who is served leaves the other one behind", "loop.once-two",
               [("loop/ready.c", "unsigned left = e->edge ? 0 : wanted(q);", "unsigned left = 0;")]),
        Mutant("loop.leave-relaxed", "who closes does not see what was done inside", "loop.close-event",
               [("loop/door.h", "weft_atomic_fetch_and(&d->word, ~as, WEFT_ACQ_REL);",
                 "weft_atomic_fetch_and(&d->word, ~as, WEFT_RELAXED);")]),
        Mutant("loop.leave-quiet", "the last one that leaves does not say so", "loop.close",
               [("loop/door.h", "    if ((before & ~(uint32_t)WEFT__STOPPED) == (as | WEFT__CLOSING))\n        weft__grant(d->closer);\n",
                 "    (void)before;\n")]),
        Mutant("loop.closed-first", "who closes waits once the descriptor is closed", "loop.close-event",
               [("loop/handle.c", "    weft__handle_stop(h);\n    weft__door_close(&h->door, \"stream\");\n",
                 "    weft__handle_stop(h);\n    weft__fd_close(h->fd);\n    weft__door_close(&h->door, \"stream\");\n"),
                ("loop/stream.c", "    weft__fd_close(own->h.fd);\n    free(own->kept);\n", "    free(own->kept);\n")]),
        Mutant("loop.unawaited", "who closes does not wait for who reads", "loop.close",
               [("loop/door.h", "& ~(uint32_t)WEFT__STOPPED)\n        (void)weft__await", "& 2)\n        (void)weft__await")]),
        Mutant("loop.shut-passing", "who comes to wait after it was shut does", "loop.close",
               [("loop/ready.c", "    r->shut = true;\n    weft__wait *all", "    weft__wait *all")]),
    ],
    sources=["../tests/model/leave.c", "loop/stream.c", "loop/handle.c", "loop/ready.c", "task/worker.c", "task/wait.c",
             "task/fork.c", "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };"),
             ("loop/ready.c", "enum { CHUNK = 256, CHUNKS = 4096 };", "enum { CHUNK = 1, CHUNKS = 1 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

RESOLVE = Program(
    "resolve",
    [
        Model("resolve.task", "full", "a task waits for a look-up"),
        Model("resolve.thread", "full", "the same with a thread"),
        Model("resolve.late", "full", "who waits is late"),
        Model("resolve.cancelled", "full", "who waits is cancelled"),
        Model("resolve.by-another", "random", "who waits is cancelled as the look-up ends", 2 * MILLION, 30_000),
    ],
    [
        Mutant("resolve.unabandoned", "who gives up does not say so", "resolve.late",
               [("loop/resolve.c", "((struct lookup *)arg)->abandoned = true;", "(void)arg;")]),
        Mutant("resolve.early-look", "the job looks whether it was abandoned before the guard", "resolve.late",
               [("loop/resolve.c", "    weft__guard_take(g);\n    l->ended = true;\n    bool abandoned = l->abandoned;\n",
                 "    bool abandoned = l->abandoned;\n    weft__guard_take(g);\n    l->ended = true;\n")]),
        Mutant("resolve.unended", "the job does not say that it has ended", "resolve.thread",
               [("loop/resolve.c", "    l->ended = true;\n", "")]),
        Mutant("resolve.drop-late", "who waits is let go before the guard is dropped", "resolve.task",
               [("loop/resolve.c", "        weft__wait_take(&l->done, waiter);\n    weft__guard_drop(g);\n    if (waiter)\n        weft__wait_let_go(waiter);\n    else",
                 "        weft__wait_take(&l->done, waiter);\n    if (waiter)\n        weft__wait_let_go(waiter);\n    weft__guard_drop(g);\n    if (!waiter)\n        ")]),
    ],
    sources=["../tests/model/leave.c", "loop/resolve.c", "task/worker.c", "task/wait.c", "task/fork.c", "../tests/model/port.c",
             "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };"),
             ("task/wait.c", "enum { SETTLE_SPINS = 100 };", "enum { SETTLE_SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

DATAGRAM = Program(
    "datagram",
    [
        Model("datagram.receive", "full", "it is closed while one receives"),
        Model("datagram.received", "full", "and has got something"),
        Model("datagram.send", "full", "it is closed while one waits for room at a receiver"),
        Model("datagram.first-send", "full", "and has no address before that"),
        Model("datagram.first-stuffed", "full", "nor has its socket any room"),
        Model("datagram.stop", "full", "one that sends again and again is sent away"),
        Model("datagram.both", "random", "it is closed while one receives and one sends", 2 * MILLION, 30_000),
    ],
    [
        Mutant("datagram.unawaited", "who closes does not wait for who is inside", "datagram.received",
               [("loop/datagram.c", "    weft__door_close(&d->door, \"datagram\");\n", "")]),
        Mutant("datagram.unleft", "who has received stays inside", "datagram.receive",
               [("loop/datagram.c", "    weft__door_leave(&d->door, RECEIVING);\n", "")]),
        Mutant("datagram.room-blind", "who waits for room does not look whether it is closed", "datagram.send",
               [("loop/datagram.c", "    bool open = !weft__door_stopped(&d->door);\n", "    bool open = true;\n")]),
        Mutant("datagram.first-blind", "who has got its address does not look whether it is closed", "datagram.first-stuffed",
               [("loop/datagram.c", "    return weft__door_stopped(&d->door) ? closed() : WEFT_OK;\n", "    return WEFT_OK;\n")]),
        Mutant("datagram.room-unstopped", "who closes does not stop the one that waits for room", "datagram.send",
               [("loop/datagram.c", "    if (d->room >= 0)\n        weft__datagram_stop(d->room);\n", "")]),
        Mutant("datagram.woken-first", "who stops it wakes the others before it has said so", "datagram.stop",
               [("loop/datagram.c", "    weft__door_stop(&d->door);\n    wake(d);\n",
                 "    wake(d);\n    weft__door_stop(&d->door);\n")]),
    ],
    sources=["../tests/model/leave.c", "loop/datagram.c", "task/worker.c", "task/wait.c", "task/fork.c", "../tests/model/port.c",
             "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

STRAND = Program(
    "strand",
    [
        Model("strand.two", "full", "two make a task of the loop ready each"),
        Model("strand.again", "full", "one of them makes two"),
        Model("strand.long", "full", "both make two"),
        Model("strand.three", "random", "three make two each", 2 * MILLION),
    ],
    [
        Mutant("strand.push-relaxed", "the carrier does not see the task", "strand.two",
               [("task/place.c", "} while (!weft_atomic_cas(&s->inbox, &seen, t, WEFT_ACQ_REL, WEFT_RELAXED));",
                 "} while (!weft_atomic_cas(&s->inbox, &seen, t, WEFT_RELAXED, WEFT_RELAXED));")]),
        Mutant("strand.passed-over", "the loop is left although something came in", "strand.two",
               [("task/place.c", "if (!s->first && weft_atomic_cas(&s->inbox, &none, IDLE(s), WEFT_ACQ_REL, WEFT_RELAXED))",
                 "(void)none;\n    if (!s->first && (weft_atomic_exchange(&s->inbox, IDLE(s), WEFT_ACQ_REL), true))")]),
        Mutant("strand.idle-unseen", "who finds the loop idle makes no carrier ready", "strand.two",
               [("task/place.c", "    if (seen == IDLE(s))\n        weft__make_work(w, &s->carrier);", "    (void)seen;")]),
    ],
    sources=["../tests/model/leave.c", "task/place.c", "task/worker.c", "task/wait.c", "task/fork.c",
             "../tests/model/port.c", "port/linux/guard.c"],
    smaller=[("port/linux/guard.c", "enum { SPINS = 40 };", "enum { SPINS = 0 };")],
    flags=["-DWEFT__RING_SLOTS=4u", "-DWEFT__TIMER_WIDE=6u"],
)

PROGRAMS = [GUARD, RING, FORKS, IDLE, WAIT, LOCK, QUEUE, SCOPE, TIMED, CALLS, LOOP, RESOLVE, DATAGRAM, STRAND]
