#!/usr/bin/env bash
# The example echo sends back what it gets, by each kind of address, and says so when it cannot.
# ctest: timeout=200
set -u
. "$WEFT_SOURCE_DIR/tests/system/serving.sh"
echo=$WEFT_BUILD_BIN/echo
head -c 20000000 /dev/urandom >"$dir/random"

# same NAME: what stands in `random` comes back from `at`
same() {
    timeout 60 "$echo" dial "$at" <"$dir/random" >"$dir/out" 2>"$dir/err2" ||
        fault "$1: exit code $?: $(cat "$dir/err2")"
    cmp -s "$dir/random" "$dir/out" || fault "$1: something else came back"
}

# fails TEXT COMMAND...: with 1, and one line that has the text
fails() {
    local text=$1 code=0
    shift
    timeout 60 "$@" </dev/null >"$dir/out" 2>"$dir/err2" || code=$?
    [ $code -eq 1 ] || fault "$*: exit code $code"
    grep -q -- "$text" "$dir/err2" || fault "$*: no word of $text: $(cat "$dir/err2")"
}

start "$echo" serve
same "a file"
timeout 60 cat "$dir/random" | timeout 60 "$echo" dial "localhost:${at##*:}" | cmp - "$dir/random" ||
    fault "a pipe, by name"
[ "$(timeout 60 "$echo" dial "$at" </dev/null)" = "" ] || fault "nothing sent, something came"
timeout 100 "$echo" dial --messages 200 --connections 100 --size 1000 "$at" >"$dir/out" || fault "measuring"
grep -qE '^20000 messages of 1000 bytes on 100 connections, [0-9.]+ s, [0-9]+ a second' "$dir/out" ||
    fault "measured: $(cat "$dir/out")"

# Clients that are killed, and one that never reads, disturb nobody.
for i in {1..20}; do
    "$echo" dial --messages 1000000 "$at" &
    pid=$!
    servers+=("$pid")
    pause
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
done
exec 8<>"/dev/tcp/127.0.0.1/${at##*:}"
timeout 2 cat "$dir/random" >&8 && fault "20 MB fit into a connection that nobody reads"
same "beside one that never reads"
exec 8>&-

# A client that waits for standard input notices that its server is gone.
mkfifo "$dir/input"
timeout 60 "$echo" dial "$at" <"$dir/input" >"$dir/out" 2>"$dir/err2" &
client=$!
exec 7>"$dir/input"
echo hello >&7
until grep -q hello "$dir/out"; do
    kill -0 $client 2>/dev/null || break
    pause
done
stop TERM
wait $client
[ $? -eq 1 ] || fault "a client without a server: $(cat "$dir/err2")"
exec 7>&-

fails refused "$echo" dial "$at"
fails refused "$echo" dial --messages 3 --connections 3 "$at"
fails "no-such-host.invalid" "$echo" dial no-such-host.invalid:7
timeout 60 "$echo" listen 2>"$dir/err2"
[ $? -eq 2 ] || fault "a wrong verb"

for address in "unix:$dir/socket" "unix:@weft-echo-$$" "[::1]:0"; do
    if [ "$address" = "[::1]:0" ] && ! grep -q 00000001 /proc/net/if_inet6 2>/dev/null; then
        continue
    fi
    start "$echo" serve "$address"
    same "$address"
    stop INT
done
[ ! -e "$dir/socket" ] || [ "${WEFT_TEST_SANITIZE:-}" = thread ] || fault "the socket's file is left"

[ $faults -eq 0 ] && echo "echo: ok"
exit $((faults > 0))
