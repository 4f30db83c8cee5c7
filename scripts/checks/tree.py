"""The tree that is checked: its files, its faults, and what scripts/check.allow excuses."""

import fnmatch
import pathlib
import re

SOURCES = ("include", "lib", "runner", "examples", "tests")


class Allowance:
    """A line of scripts/check.allow: CHECK PATH NAME REASON; PATH, NAME may have wildcards."""

    def __init__(self, line, check, path, name, reason):
        self.line, self.check, self.path = line, check, path
        self.name, self.reason, self.used = name, reason, False


class Tree:
    def __init__(self, root, build=None):
        self.root = pathlib.Path(root).resolve()
        self.build = pathlib.Path(build).resolve() if build else None
        self.faults = []
        self.allowances = []
        self._read_allowances()

    def _read_allowances(self):
        file = self.root / "scripts/check.allow"
        if not file.exists():
            return
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split(None, 3)
            if len(words) < 4:
                self.fault(file, number, "allowance without a reason: CHECK PATH NAME REASON")
            else:
                self.allowances.append(Allowance(number, *words))

    def allowed(self, check, path, name):
        """Whether scripts/check.allow excuses `name` in `path`."""
        for a in self.allowances:
            names = (check, self.name(path), name)
            if all(map(fnmatch.fnmatchcase, names, (a.check, a.path, a.name))):
                a.used = True
                return True
        return False

    def stale(self, check):
        """An allowance that excuses nothing is a fault: it would excuse the next one unseen."""
        for a in self.allowances:
            if a.check == check and not a.used:
                self.fault(
                    self.root / "scripts/check.allow", a.line, f"nothing in {a.path} needs '{a.name}'"
                )

    def files(self, *suffixes, under=SOURCES):
        """All files with one of `suffixes` under the folders `under`, in order."""
        found = []
        for folder in under:
            found += (f for f in (self.root / folder).rglob("*") if f.suffix in suffixes)
        return sorted(found)

    def name(self, path):
        path = pathlib.Path(path)
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def fault(self, path, line, text):
        self.faults.append((path, line, text))
        print(f"{self.name(path)}:{line}: {text}", flush=True)

    def look(self, path, line, text):
        print(f"look {self.name(path)}:{line}: {text}", flush=True)


_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(text, keep_includes=True):
    """The text with comments, strings and characters blanked, at the same lines and columns."""

    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        if keep_includes and text[start : match.start()].lstrip().startswith("#include"):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())

    return _NOISE.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
