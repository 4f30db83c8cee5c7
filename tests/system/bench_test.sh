#!/usr/bin/env bash
# ctest: plain
# scripts/bench compares what programs print, and says so when a result is wrong, a target is short or a
# peer is absent. The programs are small scripts here: this is about the harness, not about speed.
set -uo pipefail

: "${WEFT_SOURCE_DIR:?run me by ctest}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

# fake PROGRAM LINE...: a program of bin/bench that prints these lines
fake() {
    local file=$work/bin/bench/$1
    shift
    mkdir -p "$(dirname "$file")"
    { echo '#!/bin/sh'; printf 'echo "%s"\n' "$@"; } >"$file"
    chmod +x "$file"
}

# bench CODE OPTION...: run it on the fake programs; its exit code must be CODE. What it said is in $said.
bench() {
    local want=$1 code
    shift
    said=$(timeout 60 "$WEFT_SOURCE_DIR/scripts/bench" --build "$work" --quick "$@" 2>&1)
    code=$?
    [ $code -eq "$want" ] || fault "bench $*: exit code $code instead of $want: $said"
}

says() {
    grep -qE -- "$1" <<<"$said" || fault "it does not say '$1': $said"
}

# The ratio of a "<=" is one of costs, that of a ">=" one of speeds.
fake lock_free "thread 11" "task 30"
fake pthread/lock_free "cost 10"
fake task_skynet "cost 50"
fake go/task_skynet "cost 300"
bench 0 --only lock.free --only 'task.sky*'
says '^lock.free.thread weft=11.0 ns peer=pthread 10.0 ratio=1.10 target=<=1.2 ok '
says '^lock.free.task weft=30.0 ns peer=pthread 10.0 ratio=0.33. target=none ok '
says '^task.skynet weft=50.0 ns peer=go 300 ratio=6.00 target=>=5 ok '
says '^# 3 ok, 0 short, 0 wrong, 0 skipped$'

# A target that is not reached is said, and an error only if asked for.
fake task_skynet "cost 100"
bench 0 --only task.skynet
says 'ratio=3.00 target=>=5 short '
bench 1 --only task.skynet --strict

# A limit without a peer; what was counted may be nothing.
fake idle_cpu "cpu 10.5" "switches 0"
bench 0 --only idle.cpu
says '^idle.cpu.cpu weft=10.5 ms target=<=10 short '
says '^idle.cpu.switches weft=0 switches target=<=5 ok '

# An absent peer is skipped with a word; the others are compared.
fake queue_thread "cost 20"
fake go/queue_thread "cost 80"
bench 0 --only queue.thread
says '^queue.thread weft=20.0 ns peer=go 80.0 ratio=4.00 '
says '^queue.thread peer=tbb skipped: '

# A wrong result is an error, and does not keep the others from being measured.
mkdir -p "$work/bin/bench"
printf '#!/bin/sh\necho "the sum is 3, must be 4" >&2\nexit 1\n' >"$work/bin/bench/lock_free"
bench 1 --only lock.free --only queue.thread
says '^lock.free wrong: bench/lock_free: the sum is 3, must be 4$'
says '^queue.thread weft='
printf '#!/bin/sh\nkill -SEGV $$\n' >"$work/bin/bench/lock_free"
bench 1 --only lock.free
says '^lock.free wrong: '
fake lock_free "thread 11"
bench 1 --only lock.free
says '^lock.free wrong: .*task'

bench 0 --only queue.thread --json
python3 -c 'import json, sys; d = json.load(sys.stdin); r = d["results"][1]
assert (r["name"], r["weft"], r["peer_rounds"], r["ratio"]) == ("queue.thread", 20, [80] * 3, 4), r' \
    <<<"$said" || fault "--json: $said"
bench 2 --only nothing.at.all
says "'nothing.at.all': no such line"
bench 2 --frob

# Whatever a line runs has a source, in the folder of its name.
python3 - "$WEFT_SOURCE_DIR/tests/bench" <<'END' || fault "a line without its programs"
import pathlib, sys
sys.dont_write_bytecode = True
here = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(here))
import rounds
from lines import LINES
lost = [path for line in LINES for peer, run in line.runs.items()
        for path in rounds.programs(here, line, peer, run)
        for folder in [{"gomp": "omp", "libomp": "omp"}.get(path.parent.name, path.parent.name)]
        if not list((path.parent if folder == "bench" else here / folder).glob(path.name + ".*"))]
print(*lost)
sys.exit(bool(lost))
END

[ "$faults" -eq 0 ] && echo "bench_test: all as it should be"
[ "$faults" -eq 0 ]
