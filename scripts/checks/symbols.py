"""What the libraries export and need: weft_ only, and nothing that a plug-in is there to bring."""

import re
import subprocess

import comments
from tree import line_of

ENTRY = "weft_plugin"
NEEDED = re.compile(r"^(libhwloc|libc|libm|libdl|libpthread|ld-linux[\w-]*)\.so\.\d+$")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported(library):
    return {line.split()[-1].split("@")[0] for line in
            run("nm", "-D", "--defined-only", str(library)).splitlines()}


def undefined(library):
    return {line.split()[-1].split("@")[0] for line in
            run("nm", "-D", "--undefined-only", str(library)).splitlines()}


def needed(library):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", str(library)))


def public(tree):
    """Where each public function is declared: name to (header, line)."""
    found = {}
    for header in tree.files(".h", under=("include",)):
        text = header.read_text()
        for offset, name, declaration in comments.functions(text):
            if declaration.startswith("WEFT_API"):
                found[name] = (header, line_of(text, offset))
    return found


def check(tree):
    build = tree.build
    if build is None:
        build = tree.root / "build/release"
        made = subprocess.run([str(tree.root / "scripts/build"), "release", "weft_libraries"])
        if made.returncode:
            tree.fault(tree.root / "CMakeLists.txt", 1, "the libraries do not build")
            return
    library = build / "lib/libweft.so"
    if not library.exists():
        tree.fault(library, 1, "no such library")
        return
    check_library(tree, library)
    archive = build / "lib/libweft.a"
    if archive.exists():
        check_archive(tree, archive)
    for plugin in sorted((build / "lib/weft").glob("*.so")):
        check_plugin(tree, plugin)


def inlined(tree):
    """Names with weft__ that public headers declare: what their inline functions call."""
    return {name for header in tree.files(".h", under=("include",))
            for declaration in re.findall(r"\bWEFT_API\b[^;{]*", header.read_text())
            for name in re.findall(r"\bweft__\w+", declaration)}


def check_library(tree, library):
    declared = public(tree)
    internal = inlined(tree)
    symbols = exported(library)
    for name in sorted(symbols):
        if name in internal:
            continue
        if not name.startswith("weft_") or name.startswith("weft__"):
            tree.fault(library, 1, f"exports {name}, which is not weft_")
        elif name not in declared:
            tree.fault(library, 1, f"exports {name}, which no public header declares")
    for name in sorted(declared.keys() - symbols):
        tree.fault(*declared[name], f"{name} is declared, and the library does not have it")
    for name in needed(library):
        if not NEEDED.match(name):
            tree.fault(library, 1, f"needs {name}: only hwloc and libc may be linked")


def check_archive(tree, archive):
    for line in run("nm", "-g", "--defined-only", str(archive)).splitlines():
        name = line.split()[-1] if line.strip() and not line.endswith(":") else "weft_"
        if not name.startswith("weft_"):
            tree.fault(archive, 1, f"has {name}, which is neither static nor weft_")


def check_plugin(tree, plugin):
    for name in sorted(exported(plugin) - {ENTRY}):
        tree.fault(plugin, 1, f"exports {name}; a plug-in exports {ENTRY} only")
    if ENTRY not in exported(plugin):
        tree.fault(plugin, 1, f"does not export {ENTRY}")
    for name in sorted(undefined(plugin)):
        if name.startswith("weft_"):
            tree.fault(plugin, 1, f"leaves {name} undefined; a plug-in gets all by its table")
