#!/usr/bin/env bash
# A program that has initialised MPI itself starts and stops weft twice, over every link, and goes on with
# MPI; without mpirun as well. (Starting beside threads of its own: tests/rt/start_test.c.)
set -u
prog=$WEFT_BUILD_BIN/tests/embed_prog
[ -x "$prog" ] && [ -e "$WEFT_BUILD_BIN/../lib/weft/mpi-openmpi.so" ] || {
    echo "embed: no MPI was found when this was built"
    exit 77
}
faults=0
embed() { # N LINK
    local out code
    out=$(env ${2:+WEFT_LINK=$2} timeout 100 mpirun --oversubscribe -n "$1" "$prog" 2>&1)
    code=$?
    if [ $code -ne 0 ] || [ "$(grep -v '^weft: .*more than the CPUs' <<<"$out")" != "embed: ok" ]; then
        echo "FAULT: mpirun -n $1, WEFT_LINK=$2: exit code $code: $out"
        faults=$((faults + 1))
    fi
}
for n in 1 2 4; do
    for link in "" shm zmq mpi; do
        embed $n "$link"
    done
done
exit $((faults > 0))
