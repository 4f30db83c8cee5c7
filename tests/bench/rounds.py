"""Running a line: every program once in each round, one after the other, so that all of them see the
same machine; the ratio is taken in each round, and of the ratios the median."""

import os
import pathlib
import statistics
import subprocess

LIMIT = 120  # seconds that a program may take


class Wrong(Exception):
    """A program failed, or said that its result is wrong."""


def cpus(count):
    """`count` CPUs that this process may use, of different cores while there are enough."""
    first, rest, seen = [], [], set()
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = siblings.read_text() if siblings.exists() else str(cpu)
        (rest if core in seen else first).append(cpu)
        seen.add(core)
    return (first + rest)[:count]


def environment(run, workers, given):
    """What the program sees: how many workers, in the words of every library, and no WEFT_ of ours."""
    workers = str(workers)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "OMP_", "GOMP_"))}
    return {
        **clean,
        "BENCH_WORKERS": workers,
        "BENCH_CPUS": ",".join(map(str, given)),
        "WEFT_THREADS": workers,
        "WEFT_ALONE": "1",
        "OMP_NUM_THREADS": workers,
        "GOMAXPROCS": workers,
        **run.env,
    }


def programs(folder, line, peer, run):
    """The program of a peer, and the server that it talks to, if there is one."""
    own = line.name.replace(".", "_")
    named = run.program or (own if peer in ("weft", "floor") else f"{peer}/{own}")
    return [folder / name for name in (named, run.server) if name]


def once(paths, run, quick, many):
    """One run: what the program printed, by metric. With `many` workers where it is not to have one."""
    args = run.quick if quick and run.quick is not None else run.args
    path = paths[0]
    workers = 1 if run.workers == 1 else many
    mine = cpus(max(many, 2))
    if workers == 1:
        mine = mine[-1:]
    try:
        done = subprocess.run(
            [*paths, *map(str, args)], capture_output=True, text=True, timeout=LIMIT,
            env=environment(run, workers, mine), stdin=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, mine),
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"{path.name} did not end within {LIMIT} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        who = " ".join(f"{each.parent.name}/{each.name}" for each in paths)
        raise Wrong(f"{who}: {said[-1]}")
    try:
        return {metric: float(value) for metric, value in map(str.split, done.stdout.splitlines())}
    except ValueError:
        raise Wrong(f"{path.name} printed something else than costs: {done.stdout!r}") from None


class Result:
    """What one row came to."""

    def __init__(self, line, row, weft, peer):
        self.line, self.row = line, row
        self.weft, self.peer = weft, peer  # the values of each round
        self.ratios = [self.ratio_of(a, b) for a, b in zip(weft, peer or [])]
        self.ok = row.target is None or self.reached()

    def ratio_of(self, weft, peer):
        """As Row says: of costs for a "<=", of speeds otherwise."""
        costs = (self.row.target or "").startswith("<=")
        above, below = (weft, peer) if costs else (peer, weft)
        return above / below if below else 0.0 if costs and not above else float("inf")

    def reached(self):
        value = statistics.median(self.ratios or self.weft)
        bound = float(self.row.target[2:])
        return value >= bound if self.row.target.startswith(">=") else value <= bound

    @property
    def name(self):
        return self.line.name + ("" if self.row.metric == "cost" else "." + self.row.metric)


def spread(values):
    """Half of the distance between the quartiles, as a part of the median."""
    middle = statistics.median(values)
    if len(values) < 3 or not middle:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle


def value_of(printed, who, *metrics):
    """The first of the metrics that the program printed."""
    for metric in metrics:
        if metric in printed:
            return printed[metric]
    raise Wrong(f"{who} does not say what '{metrics[0]}' costs")


def columns(line, row, rounds):
    """The values of a row's two sides, or None where there is no peer."""
    own = "floor" if "floor" in line.runs else "weft"
    weft = [value_of(r[own], own, row.metric) for r in rounds]
    if row.peer is None:
        return weft, None
    return weft, [value_of(r[row.peer], row.peer, row.of or row.metric, "cost") for r in rounds]


def measure(line, folder, quick, many, progress):
    """Run a line: its results, and the peers that are not here."""
    paths = {peer: programs(folder, line, peer, run) for peer, run in line.runs.items()}
    absent = [peer for peer, found in paths.items() if not all(path.exists() for path in found)]
    if "weft" in absent or "floor" in absent:
        raise Wrong("its program was not built")
    here = [peer for peer in line.runs if peer not in absent]
    rounds = []
    count = line.quick_rounds if quick else line.rounds
    for number in range(count):
        progress(line.name, number, count)
        rounds.append({peer: once(paths[peer], line.runs[peer], quick, many) for peer in here})
    results = [Result(line, row, *columns(line, row, rounds))
               for row in line.rows if row.peer not in absent]
    return results, absent
