"""Each public header compiles alone, without a warning, as C11 and as C++17."""

import concurrent.futures
import os
import re
import subprocess

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]
COMPILERS = [
    ["gcc", "-std=c11", "-x", "c", "-Wstrict-prototypes", "-Wconversion"],
    ["clang-14", "-std=c11", "-x", "c", "-Wstrict-prototypes", "-Wconversion"],
    ["g++", "-std=c++17", "-x", "c++"],
    ["clang++-14", "-std=c++17", "-x", "c++"],
]
_FAULT = re.compile(r"^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", re.M)


def compile_alone(job):
    tree, header, compiler = job
    name = header.relative_to(tree.root / "include")
    try:
        return subprocess.run(
            [*compiler, *WARNINGS, f"-I{tree.root / 'include'}", "-"],
            input=f"#include <{name}>\n#include <{name}>\n", capture_output=True, text=True,
        )
    except FileNotFoundError:
        return None


def check(tree):
    jobs = [(tree, h, c) for h in tree.files(".h", under=("include",)) for c in COMPILERS]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (_, header, compiler), result in zip(jobs, pool.map(compile_alone, jobs)):
            how = f"{compiler[0]} {compiler[1]}"
            if result is None:
                tree.fault(header, 1, f"{compiler[0]} not found: run scripts/setup")
            elif result.returncode:
                match = _FAULT.search(result.stderr)
                path, line, text = match.groups() if match else (header, 1, result.stderr.strip())
                if path == "<stdin>":
                    path, line = header, 1
                tree.fault(path, line, f"not usable alone as {how}: {text}")
