#!/usr/bin/env bash
# ctest: plain timeout=900 slow
# What belongs to the thread is asked for anew after each wait, whatever the compiler makes of it: the
# layers up to loop and tests/task/rule1_test.c with gcc and clang at -O3, as a shared library with
# position-independent code, and as one program across all files (LTO).
set -euo pipefail

: "${WEFT_SOURCE_DIR:?run me by ctest}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$WEFT_SOURCE_DIR"

flags=(-std=gnu11 -O3 -g -D_GNU_SOURCE -DWEFT_VERSION_STRING='"0"' -DWEFT_PLUGIN_INSTALL_DIR='"/"'
       -Iinclude -Ilib -Itests)
mapfile -t engine < <(ls lib/{port,base,topo,task,sync,loop}/*.c lib/port/linux/*.c \
    "lib/task/switch_$(uname -m).S" | grep -v switch_ucontext)
libraries=(-lcmocka -lhwloc -lpthread -ldl -lm)
export WEFT_TEST_SHORT=1
tried=0

check() {
    local what=$1 program=$2
    if ! timeout 120 "$program" >"$work/out" 2>&1; then
        echo "rule1_test: $what: failed" >&2
        cat "$work/out" >&2
        exit 1
    fi
    tried=$((tried + 1))
    echo "rule1_test: $what: ok"
}

for cc in gcc clang-14 clang; do
    command -v "$cc" >/dev/null || continue
    if [ "$cc" = clang ] && command -v clang-14 >/dev/null; then continue; fi
    "$cc" "${flags[@]}" -fPIC -shared -o "$work/libengine.so" "${engine[@]}" -lhwloc -lpthread -ldl
    "$cc" "${flags[@]}" -fPIE -pie -o "$work/shared" tests/task/rule1_test.c \
        "$work/libengine.so" -Wl,-rpath,"$work" "${libraries[@]}"
    check "$cc, a shared library" "$work/shared"

    # A compiler may lack the linker's half of it; what does not link for another reason is a fault.
    if "$cc" "${flags[@]}" -fPIC -flto -o "$work/whole" tests/task/rule1_test.c "${engine[@]}" \
        "${libraries[@]}" 2>"$work/err"; then
        check "$cc, across all files" "$work/whole"
    elif grep -q 'undefined reference' "$work/err"; then
        echo "rule1_test: $cc, across all files: does not link" >&2
        cat "$work/err" >&2
        exit 1
    else
        echo "rule1_test: $cc: cannot link across files: $(head -1 "$work/err")"
    fi
done
[ "$tried" -ge 2 ] || exit 77
