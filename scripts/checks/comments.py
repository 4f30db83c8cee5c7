"""Every public function has a comment that says Returns, Owns, Caller and Switches. One that a macro calls
with the caller's place shares the macro's, which stands right above it; names with weft__ are not public."""

import re

from tree import bare, line_of

WORDS = {"Returns": r"\bReturns\b", "Owns": r"\bOwns:", "Caller": r"\bCaller:",
         "Switches": r"\bSwitches:"}
_LINE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
_MACRO = re.compile(r"\n#define (weft_\w+)\((?:[^\n]*\\\n)*[^\n]*$")
_FUNCTION = re.compile(r"(?:^|(?<=[;{}]))\s*((?:\w[\w \t\n*]*?[\s*])(weft_\w+)\s*\([^;{}]*\)[^;{}()]*[;{])")


def code_of(text):
    """The text without comments and preprocessor lines, at the same offsets."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())  # noqa: E731
    return _LINE.sub(blank, bare(text, keep_includes=False))


def functions(text):
    """(offset, name, declaration) of each function that the header declares."""
    for match in _FUNCTION.finditer(code_of(text)):
        declaration = match.group(1)
        if not declaration.startswith("typedef") and not match.group(2).startswith("weft__"):
            yield match.start(1), match.group(2), declaration


def comment_before(text, offset, name):
    """The comment that ends right before `offset`, or before the macro that is there; or None."""
    before = text[:offset].rstrip()
    macro = _MACRO.search(before)
    if macro and name == macro.group(1) + "_at":
        offset = macro.start() + 1
        before = text[:offset].rstrip()
    if not before.endswith("*/") or text[len(before) : offset].count("\n") > 1:
        return None
    return before[before.rindex("/*") :]


def check(tree):
    for header in tree.files(".h", under=("include",)):
        text = header.read_text()
        for offset, name, declaration in functions(text):
            line = line_of(text, offset)
            if not re.match(r"WEFT_API\b|static inline\b", declaration):
                tree.fault(header, line, f"{name} is declared without WEFT_API")
            comment = comment_before(text, offset, name)
            if comment is None:
                tree.fault(header, line, f"{name} has no comment")
                continue
            missing = [word for word, pattern in WORDS.items() if not re.search(pattern, comment)]
            if missing:
                tree.fault(header, line, f"the comment of {name} lacks {', '.join(missing)}")
