"""What scripts/bench prints: a line for each comparison, or all of it as JSON."""

import json
import os
import platform
import statistics
import sys

import rounds


def number(value):
    """Three digits that count."""
    if value == 0 or value == float("inf"):
        return f"{value:.0f}"
    digits = max(0, 2 - int(f"{abs(value):e}".split("e")[1]))
    return f"{value:.{digits}f}"


def machine():
    """What it ran on."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for entry in info:
            if entry.startswith("model name"):
                model = entry.split(":", 1)[1].strip()
                break
    return f"{model}, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}"


def text(result):
    """NAME weft=VALUE UNIT peer=PEER VALUE ratio=R target=T ok|short, then how much it varied."""
    row = result.row
    own = "floor" if "floor" in result.line.runs else "weft"
    words = [result.name, f"{own}={number(statistics.median(result.weft))} "
             f"{row.unit or result.line.unit}"]
    spreads = [result.weft]
    if result.peer:
        peer = f"{row.peer}.{row.of}" if row.of else row.peer
        words.append(f"peer={peer} {number(statistics.median(result.peer))}")
        words.append(f"ratio={number(statistics.median(result.ratios))}")
        spreads.append(result.peer)
        spreads.append(result.ratios)
    if own == "weft":
        words.append(f"target={row.target or 'none'}")
        words.append("ok" if result.ok else "short")
    words.append("spread=" + "/".join(f"{100 * rounds.spread(s):.0f}%" for s in spreads))
    words.append(f"rounds={len(result.weft)}")
    return " ".join(words)


def entry(result):
    """The same as an object, with the values of every round."""
    row = result.row
    middle = lambda values: statistics.median(values) if values else None  # noqa: E731
    return {
        "name": result.name,
        "unit": row.unit or result.line.unit,
        "weft": middle(result.weft),
        "peer": row.peer,
        "of": row.of,
        "peer_value": middle(result.peer),
        "ratio": middle(result.ratios),
        "target": row.target,
        "ok": result.ok,
        "spread": rounds.spread(result.weft),
        "ratio_spread": rounds.spread(result.ratios) if result.ratios else None,
        "weft_rounds": result.weft,
        "peer_rounds": result.peer,
    }


class Progress:
    """What runs now, in one line of the terminal, if there is one."""

    def __init__(self):
        self.shown = sys.stderr.isatty()

    def __call__(self, name, done, of):
        if self.shown:
            sys.stderr.write(f"\r\033[K{name} {done + 1}/{of}")
            sys.stderr.flush()

    def clear(self):
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


class Text:
    """Prints as it comes."""

    def begin(self):
        print(f"# {machine()}", flush=True)
        if os.getloadavg()[0] > 0.5:
            print(f"# the load is {os.getloadavg()[0]:.1f}: others run here, look at the ratios only",
                  flush=True)

    def result(self, result):
        print(text(result), flush=True)

    def absent(self, line, peer):
        print(f"{line.name} peer={peer} skipped: it is not here; scripts/setup --bench", flush=True)

    def wrong(self, line, why):
        print(f"{line.name} wrong: {why}", flush=True)

    def end(self, counts):
        print("# " + ", ".join(f"{count} {what}" for what, count in counts.items()), flush=True)


class Json:
    """Prints one document at the end."""

    def __init__(self):
        self.document = {"machine": machine(), "load": os.getloadavg()[0],
                         "results": [], "skipped": [], "wrong": []}

    def begin(self):
        pass

    def result(self, result):
        self.document["results"].append(entry(result))

    def absent(self, line, peer):
        self.document["skipped"].append({"name": line.name, "peer": peer})

    def wrong(self, line, why):
        self.document["wrong"].append({"name": line.name, "why": why})

    def end(self, counts):
        json.dump({**self.document, "counts": counts}, sys.stdout, indent=1)
        print()
