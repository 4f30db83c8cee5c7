#!/usr/bin/env bash
# ctest: plain
# A debugger walks from inside a task to the base of its stack, and stops there.
set -euo pipefail

program=${WEFT_BUILD_BIN:?run me by ctest}/tests/deep_prog
if ! command -v gdb >/dev/null; then
    echo "backtrace_test: no gdb here: run scripts/setup"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! timeout 100 gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'set confirm off' -ex run \
    -ex 'backtrace 50' -ex 'echo ---\n' -ex continue -ex 'backtrace 50' -ex 'echo ---\n' \
    -ex continue -ex 'backtrace 50' -ex 'echo ---\n' -ex continue "$program" \
    </dev/null >"$work/said" 2>&1; then
    cat "$work/said" >&2
    exit 1
fi
if grep -qiE 'ptrace: Operation not permitted|cannot trace' "$work/said"; then
    echo "backtrace_test: no debugging allowed here"
    exit 77
fi

fail() {
    echo "backtrace_test: $1" >&2
    cat "$work/said" >&2
    exit 1
}
# Each walk is whole: from where it stopped to the base of the stack.
[ "$(grep -c '^---$' "$work/said")" -eq 3 ] || fail "it did not stop three times"
[ "$(grep -c '^#[0-9]* .*weft__serve' "$work/said")" -eq 3 ] || fail "a walk misses the scheduler"
for n in 1 2 3; do
    awk -v want="$n" 'BEGIN { n = 1 } /^---$/ { n++ } /^#/ && n == want { print }' \
        "$work/said" >"$work/walk"
    grep -q 'stop_here' "$work/walk" || fail "walk $n does not begin in the task"
    tail -n 1 "$work/walk" | grep -qE 'weft__switch_start|__start_context' ||
        fail "walk $n does not end at the base of the stack"
done
if grep -qiE 'corrupt stack|Backtrace stopped|previous frame' "$work/said"; then
    fail "a walk was broken off"
fi
grep -q 'exited normally' "$work/said" || fail "the program did not end well"
