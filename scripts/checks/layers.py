"""A file of the library includes its own layer and lower ones; examples see public headers only."""

import re

from tree import bare, line_of

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<((?:weft|zmq|mpi)[^>\n]*)>)', re.M)


def read_layers(tree):
    """The layers from lib/LAYERS, lowest first, each with its line."""
    layers = {}
    file = tree.root / "lib/LAYERS"
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            layers[line.split()[0]] = number
    return layers


def includes(path):
    """(line, name) of each include that is not of the system."""
    text = path.read_text(errors="replace")
    for match in _INCLUDE.finditer(bare(text)):
        yield line_of(text, match.start()), match.group(1) or match.group(2)


def check(tree):
    layers = read_layers(tree)
    order = list(layers)
    for folder in sorted((tree.root / "lib").iterdir()):
        if folder.is_dir() and folder.name not in layers and folder.name != "man":
            tree.fault(tree.root / "lib/LAYERS", 1, f"lib/{folder.name} is no layer here")
    for layer, line in layers.items():
        if not (tree.root / "lib" / layer).is_dir():
            tree.fault(tree.root / "lib/LAYERS", line, f"layer '{layer}' has no folder")

    for path in tree.files(".c", ".h", ".S", under=("lib",)):
        own = path.relative_to(tree.root / "lib").parts[0]
        if own in layers:
            for line, name in includes(path):
                check_include(tree, order, own, path, line, name)
    for path in tree.files(".h", under=("include",)):
        for line, name in includes(path):
            if not name.startswith("weft/"):
                tree.fault(path, line, f'public header includes "{name}", which is not public')
    for path in tree.files(".c", ".h", under=("examples",)):
        for line, name in includes(path):
            if name.split("/")[0] in layers:
                tree.fault(path, line, f'example includes "{name}", which is not public')


def check_include(tree, order, own, path, line, name):
    first, _, rest = name.partition("/")
    if first == "weft":
        return
    if name in ("zmq.h", "mpi.h"):
        if own != "link" or not path.name.startswith(name[:3]):
            tree.fault(path, line, f"<{name}> outside of its plug-in")
    elif not rest or first not in order:
        tree.fault(path, line, f'"{name}" is not written as "layer/file.h"')
    elif order.index(first) > order.index(own):
        tree.fault(path, line, f"layer '{own}' includes \"{name}\" of the higher layer '{first}'")
