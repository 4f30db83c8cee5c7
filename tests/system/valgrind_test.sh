#!/usr/bin/env bash
# ctest: plain slow timeout=300
# A program of many tasks makes no invalid access and jumps on nothing undefined: valgrind watches it
# change stacks. What it prints is what it prints without.
set -euo pipefail

: "${WEFT_BUILD_BIN:?run me by ctest}"
program=$WEFT_BUILD_BIN/wordcount
if ! command -v valgrind >/dev/null; then
    echo "valgrind_test: no valgrind here: run scripts/setup"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/text/deep/deeper"
for n in 1 2 3 4 5 6 7 8; do
    seq -f "word%g the of a" "$((n * 100))" >"$work/text/deep/$n"
    cp "$work/text/deep/$n" "$work/text/deep/deeper/$n"
done

"$program" --all "$work/text" >"$work/want" 2>"$work/said"
for threads in 1 2; do
    if ! valgrind --error-exitcode=99 --log-file="$work/log" \
        "$program" --all --threads "$threads" "$work/text" >"$work/got" 2>"$work/said"; then
        echo "valgrind_test: --threads $threads:" >&2
        cat "$work/said" "$work/log" >&2
        exit 1
    fi
    cmp "$work/want" "$work/got"
    # Warnings of a "client switching stacks" mean that it was not told about a stack.
    if grep -i "switching stacks" "$work/log" >&2; then
        exit 1
    fi
done
