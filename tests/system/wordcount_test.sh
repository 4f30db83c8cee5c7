#!/usr/bin/env bash
# ctest: timeout=300
# However wordcount is started and whichever link joins its processes, --all prints byte for byte what
# a pipeline of sed, tr, sort and uniq makes of the same files.
set -euo pipefail

: "${WEFT_BUILD_BIN:?run me by ctest}"
export LC_ALL=C OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wordcount=$WEFT_BUILD_BIN/wordcount
failures=0
runs=0

# BYTES of the text that repeats WORDS.
repeat() {
    local bytes=$1
    shift
    (yes "$*" || true) 2>/dev/null | head -c "$bytes"
}

# BYTES that look random and are always the same.
noise() {
    awk -v n="$1" 'BEGIN { srand(7); while (n-- > 0) printf "%c", int(rand() * 256) }'
}

# Files with everything that can go wrong at the edge of a piece, a file or a word.
make_corpus() {
    local corpus=$1 i deep=$1/deep
    mkdir -p "$corpus/tiny" "$corpus/a directory"
    : >"$corpus/empty"
    printf 'first' >"$corpus/no line end"
    printf 'second\n' >"$corpus/line end"
    printf '\n \t.\n' >"$corpus/no word"
    noise 400000 >"$corpus/noise"
    { head -c 200000 /dev/zero && printf 'after\0zeros' && head -c 9 /dev/zero; } >"$corpus/zeros"
    repeat 3000000 aLongWord | tr -d '\n' >"$corpus/long word"
    { repeat 262142 A | tr -d '\n' && printf ' edge '; } >"$corpus/edge"
    repeat 2000000 'the quick brown fox it is' | tr '\n' ' ' >"$corpus/long line"
    repeat 700000 $'Na\xc3\xafve caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac ISO: \xe9t\xe9' >"$corpus/utf8"
    awk 'BEGIN { for (i = 1; i < 120; i++) { w = w sprintf("%c", 97 + i % 26); print w, toupper(w) } }' \
        >"$corpus/a directory/lengths"
    awk 'BEGIN { srand(3); for (i = 0; i < 60000; i++) {
            n = int(rand() * 20000); w = ""
            do { w = w sprintf("%c", 97 + n % 26); n = int(n / 26) } while (n > 0)
            printf "%s%s", w, i % 11 ? " " : "\n" } }' >"$corpus/many words"
    for i in {1..300}; do printf 'tiny%s' "$((i % 7))" >"$corpus/tiny/$i"; done
    for i in {1..60}; do deep+=/d; done
    mkdir -p "$deep"
    printf 'deep' >"$deep/file"
    ln -s ../edge "$corpus/tiny/link to a file"
    ln -s .. "$corpus/tiny/link to a directory"
    ln -s nowhere "$corpus/tiny/dangling"
}

reference() {
    find "$@" -type f -print0 | xargs -0 sed -s '$a\' | tr A-Z a-z |
        tr -cs 'a-z\200-\377' '\n' | { grep -a . || true; } | sort | uniq -c |
        sed 's/^ *\([0-9]*\) /\1\t/' | sort -t $'\t' -k1,1nr -k2
}

# same NAME EXPECTED PROCESSES COMMAND...: what the command prints is the expected file's content, and
# it says one line about itself (weft may say one, if there are fewer cores than workers).
same() {
    local name=$1 expected=$2 processes=$3 code=0 fault=
    shift 3
    timeout 60 "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    runs=$((runs + 1))
    if [ $code -ne 0 ]; then
        fault="exit code $code"
    elif ! cmp "$work/out" "$expected" >"$work/cmp" 2>&1; then
        fault=$(cat "$work/cmp")
    elif [ "$(grep -c ", $processes process[es]* x [0-9]* thread" "$work/err")" -ne 1 ] ||
        [ "$(grep -vc "bound to the set" "$work/err")" -ne 1 ]; then
        fault="not just a closing line about $processes processes"
    fi
    if [ -n "$fault" ]; then
        printf 'wordcount_test: %s: %s\n' "$name" "$fault" >&2
        head -c 2000 "$work/err" >&2
        failures=$((failures + 1))
    fi
}

# matrix EXPECTED PATH...: every way to start it; `sizes` for each of `links`.
matrix() {
    local expected=$1 n link
    shift
    same "plain" "$expected" 1 "$wordcount" --all "$@"
    same "plain, 1 thread" "$expected" 1 "$wordcount" --all --threads 1 "$@"
    same "plain, 5 threads" "$expected" 1 "$wordcount" --threads=5 --all "$@"
    for n in $sizes; do
        for link in "" $links; do
            same "weft run -n $n, WEFT_LINK=$link" "$expected" "$n" \
                env ${link:+WEFT_LINK=$link} "$WEFT_BUILD_BIN/weft" run -n "$n" -- \
                "$wordcount" --all "$@"
        done
    done
    if ! command -v mpirun >/dev/null; then
        echo "wordcount_test: no mpirun: not tried under it"
        return
    fi
    for n in $mpi_sizes; do
        for link in "" $mpi_links; do
            same "mpirun -n $n, WEFT_LINK=$link" "$expected" "$n" \
                env ${link:+WEFT_LINK=$link} mpirun --oversubscribe -n "$n" \
                "$wordcount" --all "$@"
        done
    done
}

unset WEFT_LINK
make_corpus "$work/corpus"
reference "$work/corpus" >"$work/expected"
if [ -n "${WEFT_TEST_SHORT:-}" ]; then
    sizes="2 8" links="zmq" mpi_sizes="3" mpi_links="mpi"
else
    sizes="1 2 3 4 8" links="shm zmq" mpi_sizes="1 2 3 4 8" mpi_links="shm zmq mpi"
fi
matrix "$work/expected" "$work/corpus"

# Links that are given are followed, and what is given twice is counted twice.
real=/usr/share/common-licenses
if [ -d "$real" ]; then
    ln -s "$real" "$work/given"
    reference "$real" "$real" "$work/corpus/utf8" >"$work/expected"
    sizes="2" links="" mpi_sizes="2" mpi_links=""
    matrix "$work/expected" "$work/given" "$real" "$work/corpus/utf8"
fi

# The first words are the first of all.
for n in 1 2 7 1000 1000000000; do
    head -n "$n" "$work/expected" >"$work/first"
    same "--top $n" "$work/first" 1 "$wordcount" --top "$n" ${real:+"$work/given" "$real"} \
        "$work/corpus/utf8"
done

echo "wordcount_test: $runs runs, $failures failed"
[ "$failures" -eq 0 ]
