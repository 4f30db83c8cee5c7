#!/usr/bin/env bash
# The example httpd serves what curl and wrk ask for, answers what is wrong, lets nobody out of its directory,
# and is not impressed by clients that do not behave.
# ctest: timeout=200
set -u
. "$WEFT_SOURCE_DIR/tests/system/serving.sh"
httpd=$WEFT_BUILD_BIN/httpd
www=$dir/www

mkdir -p "$www/sub" "$www/empty"
echo '<h1>home</h1>' >"$www/index.html"
echo sub >"$www/sub/index.html"
echo spaces >"$www/a b%c.txt"
: >"$www/nothing"
head -c 5000000 /dev/urandom >"$www/big"
echo secret | tee "$dir/secret" >"$dir/www2"
ln -s ../secret "$www/leak"
ln -s .. "$www/up"
ln -s sub/index.html "$www/inside"
mkfifo "$www/fifo"
for type in html txt css js svg png bin; do echo x >"$www/x.$type"; done

# status CODE PATH [OPTION]...: what curl gets; the body in `body`
status() {
    local want=$1 path=$2 got
    shift 2
    : >"$dir/body"
    got=$(curl -s -m 30 --path-as-is -o "$dir/body" -w '%{http_code}' "$@" "$at$path")
    [ "$got" = "$want" ] || fault "$path $*: $got instead of $want"
}

files() {
    status 200 ""
    cmp -s "$dir/body" "$www/index.html" || fault "/ is not index.html"
    status 200 big
    cmp -s "$dir/body" "$www/big" || fault "big is not what it was"
    status 200 nothing
    [ ! -s "$dir/body" ] || fault "an empty file is not empty"
    status 200 a%20b%25c.txt
    [ "$(cat "$dir/body")" = spaces ] || fault "percent signs"
    status 200 'sub/?query=/a/b'
    status 200 sub -L
    [ "$(cat "$dir/body")" = sub ] || fault "a directory without a slash"
    status 200 inside
    status 200 sub/../x.txt
    local pair got
    for pair in html:text/html txt:text/plain css:text/css js:text/javascript svg:image/svg+xml \
        png:image/png bin:application/octet-stream; do
        got=$(curl -s -m 30 -o "$dir/body" -w '%{content_type}' "${at}x.${pair%%:*}")
        [[ $got == "${pair#*:}"* ]] || fault "$pair: type $got"
    done
    curl -s -m 30 -I "${at}big" | tr -d '\r' >"$dir/body"
    grep -q '^Content-Length: 5000000$' "$dir/body" || fault "HEAD: no length"
    got=$(curl -s -m 30 -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$at" "${at}nope" "${at}sub/")
    [ "$got" = "1 0 0 " ] || fault "connections are not kept: $got"
}

refusals() {
    local path
    status 404 nope
    status 404 nothing/x
    status 404 empty/
    status 403 fifo
    status 400 a%zz
    status 400 a%00b
    status 400 a%4
    status 405 "" -X DELETE
    status 405 "" -d x=1
    status 405 "" -T "$www/big"
    for path in ../secret %2e%2e/secret sub/../../secret ..%2fsecret leak up/secret up/ ../www2 \
        ../../../../../../etc/passwd; do
        status 404 "$path"
        [ "$(cat "$dir/body")" = "404 Not Found" ] || fault "$path leads out"
    done
}

# What curl would not do.
raw() {
    timeout 100 python3 - "$at" "$www" <<'PYTHON' || fault "raw connections"
import os, re, socket, sys, time
host, port = re.match(r"http://(.*):(\d+)/", sys.argv[1]).groups()

def connect():
    return socket.create_connection((host, int(port)), 30)

def rest(s):
    got = b""
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            sys.exit("reset after %r" % got[:200])
        if not piece:
            return got
        got += piece

def check(name, sent, *want, end=True):
    s = connect()
    s.sendall(sent)
    if end:
        s.shutdown(socket.SHUT_WR)
    got = rest(s)
    found = re.findall(rb"HTTP/1\.1 (\d+)", got)
    if found != [b"%d" % w for w in want]:
        sys.exit("%s: %r instead of %r: %r" % (name, found, want, got[:300]))
    return got

get = b"GET /x.txt HTTP/1.1\r\nHost: h\r\n\r\n"
idle, half, slow = connect(), connect(), connect()  # their deadline passes while the others are served
half.sendall(get[:20])
since = time.monotonic()

check("noise", os.urandom(300) + b"\r\n\r\n", 400)
check("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400)
check("no version", b"GET /x.txt\r\n\r\n", 400)
check("version 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400)
check("no path", b"GET x.txt HTTP/1.1\r\n\r\n", 400)
check("nothing", b"\r\n\r\n", 400)
check("empty", b"")
check("half a request", get[:-2])
check("pipelining", get * 50, *[200] * 50)
check("pipelining, HEAD", (b"HEAD" + get[3:]) * 3 + get, 200, 200, 200, 200)
check("close", get[:-2] + b"Connection: close\r\n\r\n" + get, 200, end=False)
check("version 1.0", b"GET /x.txt HTTP/1.0\r\n\r\n", 200, end=False)
check("ranges are ignored", get[:-2] + b"Range: bytes=0-0\r\n\r\n", 200)
check("a body", b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000000, 405, end=False)
check("no split answer", b"GET /sub%0d%0aX:%20y HTTP/1.1\r\n\r\n", 404)
check("a long line", b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n", 431, end=False)
check("a long path", b"GET /" + b"x" * 7000 + b" HTTP/1.1\r\n\r\n", 404)
for n in range(len(get)):
    s = connect()
    s.sendall(get[:n])
    s.close()
s = connect()  # one who asks for much and does not wait for it
s.sendall(b"GET /big HTTP/1.1\r\n\r\n" * 20)
s.recv(1)
s.close()

for s, name in (idle, "idle"), (half, "half a request"):
    if rest(s) != b"":
        sys.exit("%s: an answer" % name)
took = time.monotonic() - since
if not 8 < took < 60:
    sys.exit("the deadline for a request took %.1f s" % took)
PYTHON
}

many() {
    local i fetching=() bad=0
    for i in {1..100}; do
        curl -s -m 60 -o "$dir/got$i" "${at}big" &
        fetching+=($!)
    done
    for i in "${fetching[@]}"; do wait "$i" || bad=$((bad + 1)); done
    for i in {1..100}; do
        cmp -s "$dir/got$i" "$www/big" || bad=$((bad + 1))
        rm -f "$dir/got$i"
    done
    [ $bad -eq 0 ] || fault "100 at once: $bad failed"
}

load() {
    if ! command -v wrk >/dev/null; then
        fault "no wrk here, which asks for many files at once: run scripts/setup"
        return
    fi
    env -u LD_PRELOAD timeout 60 wrk -t1 -c50 -d2s --timeout 10s "$at" >"$dir/wrk" || fault "wrk: exit code $?"
    grep -E 'Socket errors|Non-2xx' "$dir/wrk" && fault "wrk had errors"
    grep -E '^Requests/sec: *[1-9]' "$dir/wrk" || fault "wrk: no requests: $(cat "$dir/wrk")"
}

start "$httpd" "$www" 127.0.0.1:0
files
refusals
raw
many
load
stop TERM

# The port is free again; it ends also while it is asked. Two processes share a port.
address=${at#http://}
start "$httpd" "$www" "${address%/}"
curl -s -m 60 --limit-rate 10k -o "$dir/got" "${at}big" &
client=$!
stop INT
wait $client && fault "a cut answer looks like a whole one"
start "$WEFT_BUILD_BIN/weft" run -n 2 -- "$httpd" "$www" "${address%/}"
read -r -t 60 line <&9 || fault "a second process says nothing"
many
stop INT

timeout 60 "$httpd" "$dir/nowhere" 127.0.0.1:0 2>"$dir/err" && fault "serves a directory that is not there"
grep -q "nowhere: No such file" "$dir/err" || fault "a missing directory: $(cat "$dir/err")"
timeout 60 "$httpd" "$www" 127.0.0.1:x 2>"$dir/err" && fault "listens at no port"
[ "$(wc -l <"$dir/err")" -eq 1 ] || fault "a wrong address: $(cat "$dir/err")"

[ $faults -eq 0 ] && echo "httpd: ok"
exit $((faults > 0))
