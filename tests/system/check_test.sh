#!/usr/bin/env bash
# ctest: plain timeout=120
# scripts/check sees each kind of fault, and says where it is: one is planted at a time in a copy of
# the tree. What else may be wrong in the tree is no concern of this test.
set -euo pipefail

: "${WEFT_BUILD_DIR:?run me by ctest}" "${WEFT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
failures=0

# A small tree: what the checks read, and little of the library, so that each run is quick.
lay_out() {
    rm -rf "$tree"
    mkdir -p "$tree/examples" "$tree/tests" "$tree/runner" "$tree/include/weft"
    cp -r "$WEFT_SOURCE_DIR/scripts" "$WEFT_SOURCE_DIR/.clang-format" "$tree"
    cp "$WEFT_SOURCE_DIR"/include/weft/{err,time}.h "$tree/include/weft"
    mkdir -p "$tree/lib/port" "$tree/lib/base" "$tree/lib/link"
    printf 'port\nbase\nlink\n' >"$tree/lib/LAYERS"
    printf '# empty\n' >"$tree/scripts/check.allow"
    printf '#include "port/low.h"\n\nint weft__high(void);\n' >"$tree/lib/base/high.h"
    printf 'int weft__low(void);\n' >"$tree/lib/port/low.h"
}

# CHECK must fail, with FAULT (a fixed string) among its lines.
sees() {
    local check=$1 fault=$2 said
    shift 2
    if said=$("$tree/scripts/check" "$@" "$check" 2>&1); then
        echo "check_test: '$check' did not fail; expected: $fault" >&2
        failures=$((failures + 1))
    elif ! grep -qF -- "$fault" <<<"$said"; then
        printf 'check_test: expected: %s\n  got: %s\n' "$fault" "$said" >&2
        failures=$((failures + 1))
    else
        echo "check_test: $check: $fault"
    fi
}

passes() {
    local said
    if ! said=$("$tree/scripts/check" "$@" 2>&1); then
        printf 'check_test: %s fails without a fault planted:\n%s\n' "$*" "$said" >&2
        failures=$((failures + 1))
    fi
}

lay_out
passes format layers headers comments syscalls sizes

printf 'int  weft__odd( void );\n' >"$tree/lib/base/odd.h"
sees format "lib/base/odd.h:1: not laid out"

lay_out
printf '#include "base/high.h"\n' >"$tree/lib/port/up.c"
sees layers "lib/port/up.c:1: layer 'port' includes \"base/high.h\" of the higher layer 'base'"
printf '/* a\n b */\n#include "low.h"\n' >"$tree/lib/port/up.c"
sees layers 'lib/port/up.c:3: "low.h" is not written as "layer/file.h"'
printf '#include <zmq.h>\n' >"$tree/lib/port/up.c"
sees layers "lib/port/up.c:1: <zmq.h> outside of its plug-in"
rm "$tree/lib/port/up.c"
printf '#include "base/high.h"\n' >"$tree/examples/nosy.c"
sees layers 'examples/nosy.c:1: example includes "base/high.h", which is not public'
rm "$tree/examples/nosy.c"
mkdir "$tree/lib/attic"
sees layers "lib/LAYERS:1: lib/attic is no layer here"

lay_out
printf '#include "weft/err.h"\n\nsize_t weft_x;\n' >"$tree/include/weft/lone.h"
sees headers "include/weft/lone.h:3: not usable alone as gcc -std=c11"
printf 'int *weft_new(int *class);\n' >"$tree/include/weft/lone.h"
sees headers "include/weft/lone.h:1: not usable alone as g++ -std=c++17"

lay_out
cat >"$tree/include/weft/mute.h" <<'EOF'
#include "weft/err.h"

/* Does it.
 * Returns nothing.   Owns: nothing.   Caller: anyone. */
WEFT_API void weft_mute_do(int (*how)(void),
                           int times);

WEFT_API int weft_mute_undo(void);

/* Returns 1.   Owns: nothing.   Caller: anyone.   Switches: no. */
int weft_mute_redo(void);
EOF
sees comments "include/weft/mute.h:5: the comment of weft_mute_do lacks Switches"
sees comments "include/weft/mute.h:8: weft_mute_undo has no comment"
sees comments "include/weft/mute.h:11: weft_mute_redo is declared without WEFT_API"

lay_out
printf '/* getenv() */\nconst char *s = "read(";\nint f(void);\n' >"$tree/lib/base/call.c"
passes syscalls
printf 'int f(void)\n{\n    return x->read(1) + (int)read (0, 0, 0);\n}\n' >"$tree/lib/base/call.c"
sees syscalls "lib/base/call.c:3: read outside lib/port"
printf 'syscalls lib/base/*.c read because it is a test\n' >>"$tree/scripts/check.allow"
passes syscalls
printf '#include <unistd.h>\n' >"$tree/runner/call.c"
sees syscalls "runner/call.c:1: <unistd.h> outside lib/port"
rm "$tree/runner/call.c"
printf '    mov %%eax, 1\n    syscall\n' >"$tree/lib/base/call.S"
sees syscalls "lib/base/call.S:2: syscall outside lib/port"
rm "$tree/lib/base/call."*
sees syscalls "scripts/check.allow:2: nothing in lib/base/*.c needs 'read'"

lay_out
lines() {
    printf "$2%.0s" $(seq "$1")
}
{ printf 'int f(void)\n{\n'; lines 120 '    g();\n'; printf '}\n'; } >"$tree/lib/base/long.c"
sees sizes "lib/base/long.c:1: f has 123 lines; the limit is 100"
lines 601 'int x;\n' >"$tree/lib/base/long.c"
sees sizes "lib/base/long.c:1: file has 601 lines; the limit is 600"

# The symbols are read from libraries: made here, each with one fault.
lay_out
build=$work/build
mkdir -p "$build/lib/weft"
rm "$tree/include/weft/time.h"
cat >"$work/good.c" <<'EOF'
const char *weft_strerror(int e);
const char *weft_detail(void);
const char *weft_strerror(int e) { return e ? "bad" : ""; }
const char *weft_detail(void) { return ""; }
int weft_fail(int e, const char *format, ...);
int weft_fail(int e, const char *format, ...) { return *format ? e : 0; }
EOF
library() {
    printf '%s\n' "$1" | cat "$work/good.c" - >"$work/lib.c"
    gcc -shared -fPIC "$work/lib.c" -o "$build/lib/libweft.so" "${@:2}"
}
library ''
printf 'void weft_plugin(void) {}\n' >"$work/plugin.c"
gcc -shared -fPIC "$work/plugin.c" -o "$build/lib/weft/good.so"
passes symbols --build "$build"
library 'int helper = 1;'
sees symbols "libweft.so:1: exports helper, which is not weft_" --build "$build"
library 'void weft__inner(void) {}'
sees symbols "libweft.so:1: exports weft__inner, which is not weft_" --build "$build"
library '' -Wl,--no-as-needed -lzmq
sees symbols "libweft.so:1: needs libzmq" --build "$build"
library '' -Dweft_detail=weft_other
sees symbols "weft_detail is declared, and the library does not have it" --build "$build"
library ''
printf 'void weft_plugin(void) {}\nvoid weft_more(void) {}\n' >"$work/plugin.c"
gcc -shared -fPIC "$work/plugin.c" -o "$build/lib/weft/bad.so"
sees symbols "bad.so:1: exports weft_more; a plug-in exports weft_plugin only" --build "$build"
printf 'void weft__x(void);\nvoid weft_plugin(void) { weft__x(); }\n' >"$work/plugin.c"
gcc -shared -fPIC "$work/plugin.c" -o "$build/lib/weft/bad.so"
sees symbols "bad.so:1: leaves weft__x undefined" --build "$build"

[ "$failures" -eq 0 ]
