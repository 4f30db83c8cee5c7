#!/usr/bin/env bash
# How the main job scales on this machine, each figure against its peer in the same run, repeated in turns.
# Machines are shared and noisy: what is asserted is a loose bound, what was seen is printed.
# ctest: timeout=600 serial plain slow
set -u
bin=$WEFT_BUILD_BIN
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
faults=0
rounds=5 copies=5
[ -z "${WEFT_TEST_SHORT:-}" ] || rounds=3 copies=1

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

find /usr/include /usr/share/perl /usr/share/doc /usr/share/common-licenses -type f ! -name '*.gz' -print0 2>/dev/null |
    sort -z | xargs -0 cat 2>/dev/null | head -c 200000000 >"$dir/part"
for _ in $(seq $copies); do cat "$dir/part"; done >"$dir/text"
head -c 60000000 "$dir/part" >"$dir/little"
rm "$dir/part"
echo "$(stat -c %s "$dir/text") bytes of text, $(nproc) CPUs, $rounds rounds"

# seconds COMMAND...: how long it takes, in ms, in `ms`
seconds() {
    local from
    from=$(date +%s%N)
    "$@" >/dev/null 2>"$dir/err" || fault "$*: exit code $?: $(cat "$dir/err")"
    ms=$((($(date +%s%N) - from) / 1000000))
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
# bound NAME RATIO OPERATOR LIMIT PROMISED
bound() {
    echo "$1: $2 (promised: $5)"
    awk -v a="$2" -v b="$4" "BEGIN { exit !(a $3 b) }" || fault "$1: $2"
}

one=() two=() many=()
for _ in $(seq $rounds); do
    seconds "$bin/weft" run -n 1 --threads 1 -- "$bin/wordcount" "$dir/text" && one+=("$ms")
    seconds "$bin/weft" run -n 2 -- "$bin/wordcount" "$dir/text" && two+=("$ms")
    seconds "$bin/weft" run -n 64 -- "$bin/wordcount" "$dir/text" && many+=("$ms")
done
echo "ms with one process: ${one[*]}; with 2: ${two[*]}; with 64: ${many[*]}"
[ "$(nproc)" -lt 2 ] ||
    bound "-n 2 over -n 1 --threads 1" "$(ratio "$(median "${one[@]}")" "$(median "${two[@]}")")" ">=" 1.15 1.7
bound "-n 64 takes, over -n 2" "$(ratio "$(median "${many[@]}")" "$(median "${two[@]}")")" "<=" 7.5 1.5

pipeline() {
    LC_ALL=C tr A-Z a-z <"$dir/little" | LC_ALL=C tr -cs 'a-z\200-\377' '\n' | LC_ALL=C grep -a . |
        LC_ALL=C sort | uniq -c
}
seconds pipeline
pipe=$ms
seconds "$bin/weft" run -n 1 --threads 1 -- "$bin/wordcount" --all "$dir/little"
bound "-n 1 --threads 1 over the shell pipeline" "$(ratio "$pipe" "$ms")" ">=" 2 5

# The largest process of the job, with its vocabulary, in KiB.
largest() { /usr/bin/env python3 - "$@" <<'P'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
P
}
for n in 1 2 4; do
    bound "MiB of the largest process, -n $n" \
        "$(($(largest "$bin/weft" run -n $n -- "$bin/wordcount" "$dir/text") / 1024))" "<=" 150 150
done
exit $((faults > 0))
