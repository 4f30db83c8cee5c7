#!/usr/bin/env bash
# Ranks that wait for one another use no CPU. Over ZeroMQ its own threads beat for their peers, and an
# MPI has to be asked: these are shown, not judged.
# ctest: timeout=120 serial plain
set -u
prog=$WEFT_BUILD_BIN/tests/traffic_prog
faults=0
judge() { # NAME COMMAND...
    local name=$1 count=0 us switches
    shift
    while read -r _ us _ switches _; do
        count=$((count + 1))
        echo "$name: idle for 5 s: $us us of CPU, $switches voluntary switches"
        if [ "$us" -gt 10000 ] || [ "$switches" -gt 5 ]; then faults=$((faults + 1)); fi
    done < <(timeout 60 "$@" | grep '^idle')
    [ $count -eq "$ranks" ] || { echo "FAULT: $name: $count ranks answered"; faults=$((faults + 1)); }
}
ranks=1 judge alone "$prog" idle
ranks=2 judge "weft run -n 2" "$WEFT_BUILD_BIN/weft" run -n 2 -- "$prog" idle
ranks=3 judge "weft run -n 3 --threads 2" "$WEFT_BUILD_BIN/weft" run -n 3 --threads 2 -- "$prog" idle
WEFT_LINK=zmq timeout 60 "$WEFT_BUILD_BIN/weft" run -n 2 -- "$prog" idle | sed -n 's/^idle/zmq (not judged): idle/p'
exit $((faults > 0))
