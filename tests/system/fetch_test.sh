#!/usr/bin/env bash
# The example fetch downloads what is there, at most so many at a time, and says what is not, in time.
# ctest: timeout=200
set -u
. "$WEFT_SOURCE_DIR/tests/system/serving.sh"
fetch=$WEFT_BUILD_BIN/fetch
www=$dir/www
mkdir "$www" "$dir/into"
for i in {1..60}; do head -c $((i * 7919)) /dev/urandom >"$www/$i"; done
echo home >"$www/index.html"

# given NAME CODE COMMAND...: ends in time, with this exit code
given() {
    local name=$1 expected=$2 code=0
    shift 2
    timeout 60 "$@" >"$dir/out" 2>"$dir/err2" </dev/null || code=$?
    [ $code -eq "$expected" ] || fault "$name: exit code $code: $(head -c 500 "$dir/out" "$dir/err2")"
}

# says NAME FILE TEXT
says() {
    grep -qE -- "$3" "$dir/$2" || fault "$1: no word of '$3': $(head -c 500 "$dir/$2")"
}

# Servers that do what httpd does not: each path is a way to answer. The most that were there at once is at /most.
cat >"$dir/odd.py" <<'PYTHON'
import socket, threading, time
answers = {
    b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n",
    b"/to-the-end": b"HTTP/1.0 200 OK\r\n\r\nall of it",
    b"/short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
    b"/short-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhello",
    b"/bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"/bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    b"/moved": b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
    b"/noise": b"\x00\x1b[2J\r\n\r\n",
    b"/escape": b"HTTP/1.1 500 \x1b[2J\"\\\r\n\r\n",
    b"/long-head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100000 + b"\r\n\r\n",
    b"/nothing": b"",
}
lock = threading.Lock()
now = most = 0

def serve(s):
    global now, most
    path = s.recv(65536).split(b" ")[1]
    with lock:
        now += path.startswith(b"/slow")
        most = max(most, now)
    if path.startswith(b"/slow"):
        time.sleep(0.1)
        with lock:
            now -= 1
    if path == b"/never":
        s.recv(1)
    if path == b"/trickle":
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while True:
                s.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            return
    body = b"%d" % most
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    try:
        s.sendall(answers.get(path, ok))
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    except OSError:
        pass
    s.close()

server = socket.create_server(("127.0.0.1", 0), backlog=100)
print("listening at http://127.0.0.1:%d" % server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
PYTHON

whole() {
    start "$WEFT_BUILD_BIN/httpd" "$www" 127.0.0.1:0
    local i urls=()
    for i in {1..60}; do urls+=("$at$i"); done
    given "60 URLs" 0 "$fetch" --jobs 7 --into "$dir/into" "${urls[@]}" "http://localhost:${at##*:}?x=1/y"
    for i in {1..60}; do cmp -s "$www/$i" "$dir/into/$i" || fault "$i is not what it was"; done
    [ "$(cat "$dir/into/index.html")" = home ] || fault "index.html"
    [ "$(grep -c '^done' "$dir/out")" -eq 61 ] || fault "not a line for each: $(cat "$dir/out")"
    says "60 URLs" err2 '^61 URLs: 61 done, 0 failed, 0 not tried, 14\.5 MB, '
    given "again" 0 "$fetch" --into "$dir/into" "${at}3" "${at}3"
    cmp -s "$www/3" "$dir/into/3.1" && cmp -s "$www/3" "$dir/into/3.2" || fault "a name that is taken"

    given "one of three is missing" 1 "$fetch" --json --into "$dir/into" "${at}1" "${at}nope" "${at}2"
    timeout 60 python3 - "$dir/out" <<'PYTHON' || fault "JSON: $(cat "$dir/out")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
one = {x["url"].rsplit("/", 1)[1]: x for x in lines[:3]}
assert one["1"]["done"] and one["1"]["bytes"] == 7919 and one["1"]["error"] is None, one
assert not one["nope"]["done"] and one["nope"]["status"] == 404 and one["nope"]["file"] is None, one
assert lines[3]["urls"] == 3 and lines[3]["done"] == 2 and lines[3]["failed"] == 1, lines
PYTHON
    [ ! -e "$dir/into/nope" ] || fault "a page of an error is kept"
    given "a directory that is not there" 1 "$fetch" --into "$dir/nowhere" "${at}1"
    says "a directory that is not there" out "FAILED.*nowhere"
    given "nothing is kept" 0 "$fetch" --discard "${at}1"
    stop TERM
    given "refused" 1 "$fetch" --discard "${at}1"
    says "refused" out "FAILED.*connecting: refused"
}

odd() {
    start python3 "$dir/odd.py"
    given "codings" 0 "$fetch" --into "$dir/into" "$at/chunks" "$at/to-the-end"
    [ "$(cat "$dir/into/chunks")" = "hello 0123456789" ] || fault "chunks: $(cat "$dir/into/chunks")"
    [ "$(cat "$dir/into/to-the-end")" = "all of it" ] || fault "to the end"
    local path urls=()
    for path in short short-chunk bad-chunk bad-length moved noise escape long-head nothing; do
        given "$path" 1 "$fetch" --into "$dir/into" "$at/$path"
        says "$path" out "^FAILED"
        [ ! -e "$dir/into/$path" ] || fault "$path: a file is left"
    done
    given "moved" 1 "$fetch" --discard "$at/moved"
    says "moved" out "302 Found, see http://elsewhere/$"
    given "escape" 1 "$fetch" --json --discard "$at/escape"
    head -1 "$dir/out" | python3 -c 'import json; assert "\x1b[2J\"" in json.loads(input())["error"]' ||
        fault "escape: $(cat "$dir/out")"
    given "escape" 1 "$fetch" --discard "$at/escape"
    says "escape" out '500 \?\[2J'

    for path in {1..30}; do urls+=("$at/slow$path"); done
    given "at most 5" 0 "$fetch" --jobs 5 --discard "${urls[@]}"
    given "at most 5" 0 "$fetch" --into "$dir/into" "$at/most"
    [ "$(cat "$dir/into/most")" -eq 5 ] || fault "at most 5, but $(cat "$dir/into/most") at once"

    given "deadlines" 1 "$fetch" --timeout 1 --into "$dir/into" "$at/never" "$at/trickle" "$at/chunks"
    says "deadlines" out 'FAILED.*/never: .*late'
    says "deadlines" out 'FAILED.*/trickle: .*late'
    says "deadlines" err2 '^3 URLs: 1 done, 2 failed, '
    [ ! -e "$dir/into/trickle" ] || fault "a part is kept"

    # A signal cancels what runs, and what waits is not tried.
    "$fetch" --jobs 1 --into "$dir/into" "$at/most" "$at/trickle" "$at/chunks" >"$dir/out" 2>"$dir/err2" &
    local pid=$!
    servers+=("$pid")
    until [ -e "$dir/into/trickle" ] || ! kill -0 $pid 2>/dev/null; do pause; done
    interrupt INT $pid 1 "fetch"
    if [ "${WEFT_TEST_SANITIZE:-}" != thread ]; then
        says "SIGINT" err2 '^3 URLs: 1 done, 1 failed, 1 not tried, '
        [ ! -e "$dir/into/trickle" ] || fault "SIGINT: a part is kept"
    fi
    stop TERM 143
}

wrong() {
    local url
    for url in https://x/ ftp://x/ x "" http:// http://u@x/ "http://x/a b" "http://$(printf 'x%.0s' {1..3000})/" \
        http://x:y/ http://[::1/ http://no-such-host.invalid/; do
        given "$url" 1 "$fetch" --discard "$url"
        says "$url" out "^FAILED"
    done
    given "no URL" 2 "$fetch"
    given "--jobs 0" 2 "$fetch" --jobs 0 http://x/
}

bar() {
    start python3 "$dir/odd.py"
    timeout 60 script -qec "stty cols 80; $fetch --jobs 1 --discard $at/slow1 $at/slow2 $at/slow3 $at/slow4" \
        /dev/null >"$dir/out" 2>&1 || fault "on a terminal: exit code $?"
    says "on a terminal" out '\[=+ +\] [1-3] of 4, '
    # What goes elsewhere than to the terminal has no bar in it; and nothing has one where there is no terminal.
    local slow="$at/slow1 $at/slow2 $at/slow3 $at/slow4"
    timeout 60 script -qec "stty cols 80; $fetch --jobs 1 --discard --json $slow >$dir/piped" /dev/null >"$dir/out" 2>&1 ||
        fault "beside a terminal: exit code $?"
    says "beside a terminal" out '\[=+ +\] [1-3] of 4, '
    grep -v '^{.*}$' "$dir/piped" && fault "beside a terminal: that is no JSON"
    [ "$(wc -l <"$dir/piped")" -eq 5 ] || fault "beside a terminal: $(cat "$dir/piped")"
    given "no terminal" 0 "$fetch" --jobs 1 --discard $slow
    [ "$(grep -c '^done ' "$dir/out")" -eq "$(wc -l <"$dir/out")" ] || fault "no terminal: $(cat "$dir/out")"
    [ "$(wc -l <"$dir/err2")" -eq 1 ] && ! grep -q '=' "$dir/err2" || fault "no terminal: $(cat "$dir/err2")"
    stop TERM 143
}

whole
odd
wrong
bar

[ $faults -eq 0 ] && echo "fetch: ok"
exit $((faults > 0))
