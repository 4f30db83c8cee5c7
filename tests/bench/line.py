"""What a line of the bench is: programs that run in turns, and what is compared of what they print."""

from dataclasses import dataclass, field


@dataclass
class Run:
    """A program, PEER/LINE under bin/bench unless `program` says otherwise, and how it is started."""

    args: list = field(default_factory=list)
    quick: list = None  # the arguments of a short run; the same ones if None
    workers: int = 2  # workers or threads, and CPUs: 1, or 2 unless scripts/bench --workers says more
    program: str = None
    server: str = None  # the program that it starts and talks to, named as `program` is: its first argument
    env: dict = field(default_factory=dict)


@dataclass
class Row:
    """A printed comparison: what weft's program prints as `metric` with what a peer does.

    `target` is ">=R" or "<=R". With a peer, the ratio of a ">=" says how many times as fast as the peer
    weft is, and that of a "<=" how many times the peer's cost is weft's. Without one the target is a
    limit in the line's unit. None: nothing is promised.
    """

    peer: str = None
    target: str = None
    metric: str = "cost"
    of: str = None  # what the peer's program prints; by default the same metric, else its "cost"
    unit: str = None  # if it is not the line's


@dataclass
class Line:
    name: str
    text: str
    unit: str
    runs: dict  # by the name of the peer; "weft" is weft's, and a floor has "floor" only
    rows: list
    rounds: int = 11
    quick_rounds: int = 3
