"""Every line of scripts/bench. A new one is a program tests/bench/LINE.c and an entry here.

A peer's program has the same name in the peer's folder. The sizes of a short run are beside the full
ones; each run takes between a tenth of a second and a second.
"""

from line import Line, Row, Run

SCALES = ">=0.92"  # of what two pinned copies of the serial program reach
LEVEL = ">=0.95"


def fork(name, text, unit, full, quick, metrics=("cost",), **env):
    """A line of fork-join: weft's two workers against two serial copies and two peers."""
    program = name.replace(".", "_")
    return Line(
        name, text, unit,
        runs={
            "weft": Run(full, quick),
            "copies": Run(full, quick, program=f"serial/{program}"),
            "tbb": Run(full, quick),
            "gomp": Run(full, quick, env=env),
        },
        rows=[Row(peer, target, metric) for metric in metrics
              for peer, target in (("copies", SCALES), ("tbb", LEVEL), ("gomp", LEVEL))],
    )


FLOORS = [
    Line(
        "floor.cacheline", "a cache line from one CPU to another, one way", "ns",
        runs={"floor": Run([500000], [200000])}, rows=[Row()],
    ),
    Line(
        "floor.futex", "waking a sleeping thread on an idle CPU, and half of a wake and its answer", "us",
        runs={"floor": Run([2000], [500])}, rows=[Row(metric="wake"), Row(metric="round")],
    ),
    Line(
        "floor.eventfd", "waking a thread that sleeps in epoll_wait on an idle CPU, by a bare eventfd", "us",
        runs={"floor": Run([2000], [500])}, rows=[Row()],
    ),
]

FORKS = [
    Line(
        "fork.fib", "fib(40) on 2 workers, a forked child; peers at a smaller n", "ns",
        runs={
            "weft": Run([40], [35]),
            "tbb": Run([30], [26]),
            "gomp": Run([27], [23]),
            "libomp": Run([27], [23]),
        },
        rows=[
            Row("tbb", ">=40", "value"),
            Row("gomp", ">=100", "value"),
            Row("libomp", None, "value"),
            Row("weft", "<=1.4", "generic", of="value"),
        ],
    ),
    Line(
        "fork.fib1", "fib(40) on 1 worker, a forked child, against the plain recursive call", "ns",
        runs={
            "weft": Run([40], [35], workers=1, program="fork_fib"),
            "call": Run([40], [35], workers=1, program="serial/fork_fib"),
        },
        rows=[Row("call", "<=1.15", "value"), Row("weft", "<=1.4", "generic", of="value")],
    ),
    fork("fork.nqueens", "all solutions for 13 queens", "ms", [13], [11]),
    fork("fork.uts", "unbalanced tree search, SHA-1 for each node: a node", "ns",
         ["T1", "T3"], ["T1s", "T3s"], ("t1", "t3"), OMP_STACKSIZE="64M"),
    fork("fork.sort", "merge sort of 10,000,000 ints", "ms", [10000000], [1000000]),
    fork("fork.matmul", "matrices of 2048 x 2048 floats, by blocks", "ms", [2048], [768]),
    Line(
        "fork.smalltree", "a tree of 1,000 nodes of 100 ns, the other worker asleep, just busy, "
        "busy all the while; wakes of a tree of 1,000 empty nodes", "us",
        runs={"weft": Run([300], [50])},
        rows=[
            *(Row("weft", "<=1.2", metric, of=f"{metric}.serial") for metric in ("asleep", "justbusy", "busy")),
            Row(None, "<=1", "wakes", unit="wakes"),
        ],
    ),
]

TASKS = [
    Line(
        "task.spawn", "create, run and join an empty task: in batches of 1,000, one at a time", "ns",
        runs={
            "weft": Run([3000], [500]),
            "weft1": Run([3000], [500], workers=1, program="task_spawn"),
            "go": Run([1000], [200]),
            "boost": Run([100], [30], workers=1),
        },
        rows=[row for metric in ("batch", "one") for row in (
            Row(None, "<=35", metric),
            Row("weft1", None, metric),
            Row("go", ">=4", metric),
            Row("boost", ">=10", metric),
            Row("boost", None, metric, of=f"{metric}.pooled"))],
    ),
    Line(
        "task.switch", "from task to task: by a yield where others may steal, where the queue is the "
        "owner's, and by the bare switch", "ns",
        runs={
            "weft": Run([3000000], [500000]),
            "boost": Run([1000000], [200000], workers=1),
            "go": Run([1000000], [200000], workers=1),
        },
        rows=[
            Row(None, "<=18", "shared"),
            Row(None, "<=12", "owned"),
            Row("boost", None, "owned", of="yield"),
            Row("go", None, "owned", of="yield"),
            Row(None, "<=4", "bare"),
            Row("boost", ">=2", "bare"),
        ],
    ),
    Line(
        "task.skynet", "a tree of tasks with 1,000,000 leaves: a leaf", "ns",
        runs={"weft": Run([1000000], [100000]), "go": Run([1000000], [100000])},
        rows=[Row("go", ">=5")],
    ),
    Line(
        "task.parked", "memory of a parked task, page tables included, of 1,000,000", "B",
        runs={"weft": Run([1000000], [100000])},
        rows=[Row(None, "<=4700")], rounds=3, quick_rounds=1,
    ),
    Line(
        "timer.sleep", "100,000 tasks asleep until random points of 2 s: how late the worst comes, and "
        "by how much the worst is out of order", "ms",
        runs={"weft": Run([100000, 2000], [100000, 1000])},
        rows=[Row(None, "<=5", "late"), Row(None, "<=5", "disorder")], rounds=5,
    ),
]

QUEUES = [
    Line(
        "queue.task", "8 bytes through a queue of 1,024 items, task to task on one worker", "ns",
        runs={
            "weft": Run([5000000], [1000000], workers=1),
            "go": Run([2000000], [500000], workers=1, program="go/queue_thread"),
        },
        rows=[Row(None, "<=15"), Row("go")],
    ),
    Line(
        "queue.thread", "8 bytes through a queue of 1,024 items, thread to thread", "ns",
        runs={"weft": Run([5000000], [1000000]), "go": Run([2000000], [500000]),
              "tbb": Run([1000000], [300000])},
        rows=[Row(None, "<=40"), Row("go"), Row("tbb")],
    ),
]

LOCKS = [
    Line(
        "lock.free", "lock and unlock, nobody else wants it: from a thread, from a task", "ns",
        runs={"weft": Run([20000000], [5000000], workers=1),
              "pthread": Run([20000000], [5000000], workers=1)},
        rows=[Row("pthread", "<=1.2", "thread"), Row("pthread", None, "task")],
    ),
    Line(
        "lock.contended", "a turn of 8 tasks on 2 workers, or 8 threads on 2 CPUs, with one lock", "ns",
        runs={"weft": Run([200000], [50000]), "pthread": Run([200000], [50000])},
        rows=[Row("pthread", ">=1")],
    ),
]

LOOPS = [
    Line(
        "par.empty", "a parallel loop of 1,000 steps that do nothing", "ns",
        runs={peer: Run([20000], [5000]) for peer in ("weft", "gomp", "libomp")},
        rows=[Row("gomp", "<=0.5"), Row("libomp", "<=0.5")],
    ),
    Line(
        "par.triad", "a = b + 3 c, three arrays of 128 MiB, a sweep", "ms",
        runs={peer: Run([16 << 20], [8 << 20]) for peer in ("weft", "gomp", "libomp")},
        rows=[Row(peer, LEVEL, of=how) for peer in ("gomp", "libomp") for how in ("static", "dynamic")],
    ),
    Line(
        "par.skew", "a loop of 20,000 steps, step i costs i", "ms",
        runs={peer: Run([20000], [10000]) for peer in ("weft", "gomp", "libomp")},
        rows=[Row(peer, LEVEL, of=how) for peer in ("gomp", "libomp") for how in ("static", "dynamic")],
    ),
]



def served(line, peers, full, quick, **others):
    """What the client of a line does with the echo servers of weft and `peers`: each has one core, the
    client the other.

    `others` are peers with sizes of their own.
    """
    servers = {"weft": "loop_echo", "libuv": "libuv/loop_echo", "guide": "libuv/loop_echo_guide",
               "epoll": "pthread/loop_echo", "asyncio": "asyncio/loop_echo"}
    return {
        peer: Run(*others.get(peer, (full, quick)), program=f"client/{line}", server=server,
                  env={"WEFT_THREADS": "1"})
        for peer, server in servers.items() if peer == "weft" or peer in peers
    }


ASYNC = [
    Line(
        "loop.echo_pingpong", "an echo server on one core, 1,000 connections, 512 B to and fro on each: a "
        "message; the server's CPU time alone; libuv's own guide and bare epoll beside it", "ns",
        runs=served("loop_echo", ("libuv", "guide", "epoll", "asyncio"),
                    [1000, 1, 50000], [1000, 1, 20000], asyncio=([1000, 1, 20000], [1000, 1, 10000])),
        rows=[Row("libuv", LEVEL), Row("guide"), Row("epoll"), Row("asyncio", ">=3"),
              Row("libuv", None, "cpu"), Row("epoll", None, "cpu")],
    ),
    Line(
        "loop.echo_stream", "the same, 4 connections with 256 messages under way on each", "ns",
        runs=served("loop_echo", ("libuv", "guide", "epoll", "asyncio"),
                    [4, 256, 1500000], [4, 256, 500000]),
        rows=[Row("libuv", ">=1.5"), Row("guide"), Row("epoll"), Row("asyncio"),
              Row("libuv", None, "cpu"), Row("epoll", None, "cpu")],
    ),
    Line(
        "loop.idle_conns", "10,000 connections that have said something once: memory of the server for "
        "each, and its CPU time in 5 s", "KiB",
        runs=served("loop_idle", ("libuv", "asyncio"), [10000, 1], [10000, 1],
                    weft=([10000, 5000], [10000, 5000])),
        rows=[Row(None, "<=12", "memory"), Row("libuv", None, "memory"), Row("asyncio", None, "memory"),
              Row(None, "<=10", "cpu", unit="ms")],
        rounds=3, quick_rounds=1,
    ),
    Line(
        "loop.fair", "1,000 connections that send now and then, beside one that sends all it can: by how "
        "much later the worst answer comes than without that one, and the 99th of 100", "us",
        runs=served("loop_fair", ("libuv", "epoll", "asyncio"), [1000, 10], [1000, 3]),
        rows=[Row(None, "<=1000", "extra"), Row(None, None, "p99"), Row(None, None, "worst"),
              *(Row(peer, None, "extra") for peer in ("libuv", "epoll", "asyncio"))],
    ),
    Line(
        "loop.timers", "100,000 timers added and then cancelled: one; the adding alone", "ns",
        runs={"weft": Run([100000, 10], [100000, 3], workers=1),
              "libuv": Run([100000, 10], [100000, 3], workers=1)},
        rows=[Row("libuv", ">=5"), Row("libuv", None, "add")],
    ),
    Line(
        "loop.post", "starting a task on a busy loop from a thread outside; until it has run", "ns",
        runs={"weft": Run([1000], [300], env={"WEFT_THREADS": "1"})},
        rows=[Row(None, "<=100"), Row(None, None, "through")],
    ),
    Line(
        "loop.post_asleep", "starting a task on a sleeping loop until it runs, against a bare eventfd", "us",
        runs={"weft": Run([2000], [500], env={"WEFT_THREADS": "1"}),
              "eventfd": Run([2000], [500], program="floor_eventfd")},
        rows=[Row("eventfd", "<=1.5")],
    ),
]

IDLE = [
    Line(
        "idle.cpu", "5 s in which nothing happens: CPU time, voluntary switches", "ms",
        runs={"weft": Run([5000])},
        rows=[Row(None, "<=10", "cpu"), Row(None, "<=5", "switches", unit="switches")],
        rounds=3, quick_rounds=1,
    ),
    Line(
        "idle.wake", "a put from outside until a sleeping pool's task has it, against a bare futex", "us",
        runs={
            "weft": Run([2000], [500], env={"WEFT_BIND": "none"}),
            "futex": Run([2000], [500], program="floor_futex"),
        },
        rows=[Row("futex", "<=1.25", of="wake")],
    ),
]

LINES = FLOORS + FORKS + TASKS + QUEUES + LOCKS + LOOPS + ASYNC + IDLE
