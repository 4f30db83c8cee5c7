"""Every C file is laid out as .clang-format says."""

import re
import shutil
import subprocess

TOOL = "clang-format-14"
_FAULT = re.compile(r"^(.*?):(\d+):\d+: error: (.*)$")


def check(tree):
    if not shutil.which(TOOL):
        tree.fault(tree.root / ".clang-format", 1, f"{TOOL} not found: run scripts/setup")
        return
    files = tree.files(".c", ".h")
    if not files:
        return
    result = subprocess.run(
        [TOOL, "--dry-run", "-Werror", "--style=file", *map(str, files)],
        capture_output=True, text=True, cwd=tree.root,
    )
    seen = set()
    for line in result.stderr.splitlines():
        match = _FAULT.match(line)
        if match and match.group(1) not in seen:
            seen.add(match.group(1))
            tree.fault(match.group(1), match.group(2), f"not laid out as .clang-format says: "
                       f"run {TOOL} -i {tree.name(match.group(1))}")
    if result.returncode and not seen:
        tree.fault(tree.root / ".clang-format", 1, f"{TOOL} failed: {result.stderr.strip()}")
