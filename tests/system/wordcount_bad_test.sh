#!/usr/bin/env bash
# ctest: timeout=300
# wordcount counts what can be counted and names what cannot, whatever it is given.
set -euo pipefail

: "${WEFT_BUILD_BIN:?run me by ctest}"
export LC_ALL=C OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export -n WEFT_SANITIZE 2>/dev/null || true # of the tests, not of weft
unset WEFT_LINK
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
weft=$WEFT_BUILD_BIN/weft
wordcount=$WEFT_BUILD_BIN/wordcount
failures=0

fail() {
    printf 'wordcount_bad_test: %s\n' "$*" >&2
    head -c 2000 err >&2 || true
    failures=$((failures + 1))
}

# given NAME CODE OUTPUT COMMAND...: ends in time, with this exit code and this output.
given() {
    local name=$1 expected=$2 output=$3 code=0
    shift 3
    timeout 60 "$@" >out 2>err </dev/null || code=$?
    [ $code -eq "$expected" ] || fail "$name: exit code $code, not $expected"
    [ "$(cat out)" = "$output" ] || fail "$name: printed: $(head -c 300 out)"
}

# said NAME TEXT: the last command's standard error has this text.
said() {
    grep -qF -- "$2" err || fail "$1: standard error lacks: $2"
}

# usage NAME TEXT COMMAND...: exit code 2 and one line with this text.
usage() {
    local name=$1 text=$2
    shift 2
    given "$name" 2 "" "$@"
    said "$name" "$text"
    [ "$(grep -vc "bound to the set" err)" -eq 1 ] || fail "$name: not one line"
}

repeat() {
    local bytes=$1
    shift
    (yes "$*" || true) 2>/dev/null | head -c "$bytes"
}

# The most memory that any process of the command had, in KiB.
peak() {
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys
run = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=200)
if run.returncode != 0:
    sys.exit("exit code %d" % run.returncode)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}

paths() {
    printf 'good word' >file
    : >empty
    ln -s nowhere dangling
    ln -s file link
    mkfifo fifo
    mkdir -p tree
    cp file tree/
    mkfifo tree/fifo
    ln -s ../file tree/link
    local both=$'1\tgood\n1\tword'

    given "a missing path" 1 "$both" "$wordcount" missing file
    said "a missing path" "wordcount: missing: No such file or directory"
    said "a missing path" "1 file, 0.0 MB, 2 words, 2 distinct"
    given "a file as a directory" 1 "$both" "$wordcount" file/x file
    said "a file as a directory" "wordcount: file/x: Not a directory"
    given "a dangling link" 1 "$both" "$wordcount" dangling file
    said "a dangling link" "wordcount: dangling: No such file or directory"
    given "a link" 0 "$both" "$wordcount" link
    given "a FIFO" 1 "$both" "$wordcount" fifo file
    said "a FIFO" "wordcount: fifo: a FIFO, skipped"
    given "a FIFO in a directory" 0 "$both" "$wordcount" tree
    said "a FIFO in a directory" "wordcount: tree/fifo: a FIFO, skipped"
    given "a device" 1 "$both" "$wordcount" /dev/zero file /dev/null
    said "a device" "wordcount: /dev/zero: a device, skipped"
    given "an empty file" 0 "" "$wordcount" empty
    said "an empty file" "1 file, 0.0 MB, 0 words, 0 distinct"
    given "an empty name" 1 "$both" "$wordcount" "" file
    given "a name that starts with a dash" 1 "$both" "$wordcount" file -- --top
    said "a name that starts with a dash" "wordcount: --top: No such file"
    given "four ranks and a missing path" 1 "$both" "$weft" run -n 4 -- "$wordcount" missing file
    said "four ranks and a missing path" "wordcount: missing: No such file or directory"
    said "four ranks and a missing path" "4 processes"
}

# root may read everything: the program is run by an ordinary user, from where that user can reach it.
unreadable() {
    mkdir -p closed/inside tree2
    printf 'secret' >closed/inside/file
    printf 'secret' >tree2/secret
    printf 'open' >tree2/open
    chmod 000 closed tree2/secret
    local as=() bin=$wordcount
    if [ "$(id -u)" -eq 0 ]; then
        chmod 755 "$work"
        mkdir -p user/bin user/lib
        cp "$wordcount" user/bin/
        cp -P "$WEFT_BUILD_BIN"/../lib/libweft.so* user/lib/
        bin=$work/user/bin/wordcount
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups env -u LD_PRELOAD)
    fi
    given "unreadable" 1 $'1\topen' "${as[@]}" "$bin" closed tree2
    said "unreadable" "wordcount: closed: Permission denied"
    said "unreadable" "wordcount: tree2/secret: Permission denied"
    chmod 700 closed
}

bytes() {
    { printf 'one\0two\0' && head -c 100000 /dev/zero && printf 'three'; } >zeros
    given "NUL bytes" 0 $'1\tone\n1\tthree\n1\ttwo' "$wordcount" zeros

    repeat $((64 * 1024 * 1024)) abcdefg | tr '\n' A >word
    timeout 100 "$wordcount" --all word file >out 2>err || fail "a 64 MiB word: exit code $?"
    { printf '1\t' && tr A a <word && printf '\n1\tgood\n1\tword\n'; } >expected
    cmp out expected >cmp.out 2>&1 || fail "a 64 MiB word: $(cat cmp.out)"
    rm word expected out

    # Lines of 1 GB: 16 bytes over and over.
    local bytes=$((1024 * 1024 * 1024)) kib
    [ -z "${WEFT_TEST_SHORT:-}${WEFT_TEST_SANITIZE:-}" ] || bytes=$((64 * 1024 * 1024))
    repeat "$bytes" 'Lorem ipsum dol' | tr '\n' ' ' >line
    given "a long line" 0 "$(for w in dol ipsum lorem; do printf '%d\t%s\n' $((bytes / 16)) $w; done)" \
        "$wordcount" line
    if [ -z "${WEFT_TEST_SANITIZE:-}" ]; then
        kib=$(peak "$weft" run -n 2 -- "$wordcount" line 2>err) || fail "a long line on two ranks"
        [ "${kib:-0}" -lt $((150 * 1000)) ] || fail "a process had $kib KiB for a line of $bytes bytes"
    fi
    rm line
}

# Whatever is there while it is read is counted; the words that can be seen are those of the file.
shrinking() {
    local writer
    for _ in 1 2 3 4 5; do
        repeat 40000000 word >shrinking
        (
            for size in 30000001 20000002 10000003 5 0; do
                truncate -s "$size" shrinking
            done
        ) &
        writer=$!
        timeout 60 "$wordcount" --all shrinking >out 2>err || fail "a file that shrinks: exit code $?"
        wait $writer
        grep -qvP '^[0-9]+\t(w|wo|wor|word)$' out && fail "a file that shrinks: $(head -5 out)"
    done
    rm shrinking
}

output() {
    local code
    awk 'BEGIN { for (i = 0; i < 200000; i++) { n = i; w = "x"
            do { w = w sprintf("%c", 97 + n % 26); n = int(n / 26) } while (n > 0)
            print w } }' >vocabulary
    for start in "" "$weft run -n 2 --"; do
        set +e
        timeout 60 $start "$wordcount" --all vocabulary 2>err | head -n 1 >out
        code=${PIPESTATUS[0]}
        set -e
        [ "$code" -eq 0 ] || [ "$code" -eq 141 ] || fail "$start | head: exit code $code"
        [ "$(wc -l <out)" -eq 1 ] || fail "$start | head: no line came"
        [ ! -s err ] || fail "$start | head: not quiet"
        set +e
        timeout 60 $start "$wordcount" --all vocabulary >/dev/full 2>err
        code=$?
        set -e
        [ "$code" -eq 1 ] || fail "$start >/dev/full: exit code $code"
        said "$start >/dev/full" "No space left on device"
    done
}

options() {
    local start
    for start in "" "$weft run -n 3 --"; do
        usage "$start --top 0" "1" $start "$wordcount" --top 0 file
        usage "$start --top x" "x" $start "$wordcount" --top x file
        usage "$start --top 1000000001" "1000000000" $start "$wordcount" --top 1000000001 file
        usage "$start --threads 257" "256" $start "$wordcount" --threads 257 file
        usage "$start --treads 2" "--threads" $start "$wordcount" --treads 2 file
        usage "$start without PATH" "PATH" $start "$wordcount" --all
    done
    timeout 60 "$wordcount" --help >out 2>err || fail "--help: exit code $?"
    for word in --top --all --threads PATH "Exit code" "weft run -n 4"; do
        grep -qF -- "$word" out || fail "--help does not speak of $word"
    done
}

paths
unreadable
bytes
shrinking
output
options
echo "wordcount_bad_test: $failures failed"
[ "$failures" -eq 0 ]
