#!/usr/bin/env bash
# A rank, or the launcher, is killed in the middle: the job ends in time, says why, and leaves nothing.
# ctest: timeout=300 serial
set -u
bin=$WEFT_BUILD_BIN
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# A program of our own name, so that what is left can be found by it.
prog=$dir/weft-traffic-$$
ln -s "$bin/tests/traffic_prog" "$prog"
faults=0
# All that the jobs start has this in its environment, and puts what it leaves lying about there.
mark=WEFT_KILL_TEST=$$
mkdir "$dir/tmp"
pids=()

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

now_ms() { date +%s%3N; }

ranks() { pgrep -f "^$prog" | sort -n; }

# wait_for MS COMMAND...: until it succeeds
wait_for() {
    local until=$(($(now_ms) + $1))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt $until ] || return 1
        read -r -t 0.02 <>"$dir/never" || true
    done
}
mkfifo "$dir/never"

none_left() { [ -z "$(ranks)" ]; }
running() { grep -q running "$dir/out"; }
ended() { ! kill -0 "$launcher" 2>/dev/null; }

# What the jobs started and still runs; a name without a file, such as a socket's "@weft-...", lasts no longer.
marked() { grep -lsxzF -- "$mark" /proc/[0-9]*/environ | cut -d / -f 3; }
none_marked() { [ -z "$(marked)" ]; }

# Files of theirs. Others work on this machine too: of what is new in /tmp it is by their names that those of jobs
# are known, which have a key in them, or the number of a process of ours.
files() { ls -A "$@" 2>/dev/null | grep weft | sort; }
litter() {
    files "$dir/tmp"
    comm -13 <(echo "$shm") <(files /dev/shm)
    comm -13 <(echo "$tmp") <(files /tmp) |
        grep -E "[0-9a-f]{16}|(^|[-._])($(IFS='|' && echo "${pids[*]}"))([-._]|$)"
}

# start COMMAND...: in the background, `launcher` is its pid; until rank 0 says that all are there
start() {
    : >"$dir/out"
    env "$mark" TMPDIR="$dir/tmp" "$@" >"$dir/out" 2>"$dir/err" </dev/null &
    launcher=$!
    wait_for 30000 running || fault "$*: did not start: $(cat "$dir/err")"
    mapfile -t -O "${#pids[@]}" pids < <(echo "$launcher" && ranks)
}

# finish MS: the launcher's exit code in `code`, and how long it took in `took`
finish() {
    local from
    from=$(now_ms)
    wait_for "$1" ended || fault "the launcher still runs $1 ms later"
    kill -9 "$launcher" 2>/dev/null
    wait "$launcher" 2>/dev/null
    code=$?
    took=$(($(now_ms) - from))
    wait_for 1000 none_left || fault "ranks are left: $(ranks)"
    for pid in $(ranks); do kill -9 "$pid"; done
}

shm=$(files /dev/shm)
tmp=$(files /tmp)
for link in shm zmq; do
    for victim in 0 1 3; do
        start env WEFT_LINK=$link "$bin/weft" run -n 4 -- "$prog" flow
        pid=$(ranks | sed -n "$((victim + 1))p")
        kill -9 "$pid"
        finish 10000
        echo "$link: rank killed: ended in $took ms, code $code"
        [ $took -le 10000 ] || fault "$link: took $took ms"
        [ $code -eq 137 ] || fault "$link: exit code $code instead of 137"
        grep -q "rank [0-3].*pid $pid.*signal 9" "$dir/err" || fault "$link: not named: $(cat "$dir/err")"
    done

    start env WEFT_LINK=$link "$bin/weft" run -n 4 -- "$prog" flow
    kill -9 "$launcher"
    from=$(now_ms)
    wait_for 5000 none_left || fault "$link: launcher killed: ranks are left: $(ranks)"
    echo "$link: launcher killed: the ranks were gone in $(($(now_ms) - from)) ms"
    wait "$launcher" 2>/dev/null

    # who leaves with a code ends nobody; the others learn that it left
    env "$mark" TMPDIR="$dir/tmp" WEFT_LINK=$link timeout 60 "$bin/weft" run -n 3 -- "$prog" leave >"$dir/out" 2>"$dir/err"
    code=$?
    [ $code -eq 5 ] || fault "$link: leave: exit code $code instead of 5: $(cat "$dir/err")"
    [ "$(grep -c 'rank [01]: .*rank 2' "$dir/out")" -eq 2 ] ||
        fault "$link: leave: the others were not told: $(cat "$dir/out" "$dir/err")"
done

if command -v mpirun >/dev/null && [ -e "$bin/../lib/weft/mpi-openmpi.so" ]; then
    for link in shm zmq mpi; do
        start env WEFT_LINK=$link mpirun --oversubscribe -n 4 "$prog" flow
        kill -9 "$(ranks | sed -n 2p)"
        finish 50000
        echo "mpirun, $link: rank killed: ended in $took ms, code $code"
        [ $code -ne 0 ] || fault "mpirun, $link: exit code 0"
    done
fi
wait_for 5000 none_marked || for pid in $(marked); do
    fault "process $pid is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    kill -9 "$pid"
done
left=$(litter)
[ -z "$left" ] || fault "litter: $left"

[ $faults -eq 0 ] && echo "kill: ok"
exit $((faults > 0))
