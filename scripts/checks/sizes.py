"""Files and functions stay small: a look at the aim, a fault at the limit."""

import re

from tree import bare

FILE_LOOK, FILE_LIMIT, TEST_LIMIT = 400, 600, 800
FUNCTION_LOOK, FUNCTION_LIMIT = 60, 100
_NAME = re.compile(r"(\w+)\s*\(")


def functions(text):
    """(line, name, length) of each function: from its name to the brace in the first column."""
    lines = bare(text).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line.startswith("{") and start is None:
            start = number
            while start > 0 and lines[start - 1].strip() and lines[start - 1][-1] not in ";}":
                start -= 1
        elif line.startswith("}") and start is not None:
            match = _NAME.search(" ".join(lines[start:number]))
            yield start + 1, match.group(1) if match else "?", number - start + 1
            start = None


def judge(tree, path, line, name, size, look, limit):
    if size > limit and not tree.allowed("sizes", path, name):
        tree.fault(path, line, f"{name} has {size} lines; the limit is {limit}")
    elif size > look:
        tree.look(path, line, f"{name} has {size} lines; aim for less than {look}")


def check(tree):
    for path in tree.files(".c", ".h", ".S"):
        text = path.read_text(errors="replace")
        test = path.is_relative_to(tree.root / "tests")
        judge(tree, path, 1, "file", text.count("\n"), TEST_LIMIT - 200 if test else FILE_LOOK,
              TEST_LIMIT if test else FILE_LIMIT)
        for line, name, size in functions(text):
            judge(tree, path, line, name, size, FUNCTION_LOOK, FUNCTION_LIMIT)
