#!/usr/bin/env bash
# The example chat: who is in the room hears the others, and nobody waits for one that reads slowly, sends
# nonsense or is killed.
# ctest: timeout=200
set -u
. "$WEFT_SOURCE_DIR/tests/system/serving.sh"

start "$WEFT_BUILD_BIN/chat"
timeout 150 python3 - "${at##*:}" <<'PYTHON' || fault "members"
import socket, subprocess, sys
port = int(sys.argv[1])

class Member:
    def __init__(self, name=None, room=None):
        self.s = socket.socket()
        if room:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.s.settimeout(60)
        self.s.connect(("127.0.0.1", port))
        self.f = self.s.makefile("rb")
        self.name = name
        self.hears("* your name?")
        if name:
            self.send(name)
            self.hears("* welcome, %s; /quit leaves" % name)

    def send(self, line):
        self.s.sendall(line.encode() + b"\n")

    def line(self):
        got = self.f.readline()
        return got.decode("utf-8", "replace").rstrip("\n") if got else None

    def hears(self, *want):
        for line in want:
            got = self.line()
            if got != line:
                sys.exit("%s hears %r, not %r" % (self.name, got, line))

    def ends(self):
        self.hears(None)
        self.s.close()

alice = Member("alice")
bob = Member("bob")
alice.hears("* bob has come")
bob.send("hello")
alice.hears("bob: hello")
alice.send("hello, bob\r")
bob.hears("alice: hello, bob")

# names
carol = Member()
for bad in "", "two words", "x" * 21, "/quit":
    carol.send(bad)
    carol.hears("* 1 to 20 characters without a space, please: your name?")
for taken in "alice", "BOB":
    carol.send(taken)
    carol.hears("* somebody has that name: yours?")
carol.send("carol")
carol.hears("* welcome, carol; /quit leaves")
alice.hears("* carol has come")
bob.hears("* carol has come")
carol.send("/who")
carol.hears("* there is only /quit")

# what a terminal would obey is not passed on; text of any language is
carol.send("\x1b[2J\a ol\u00e9 \t!")
alice.hears("carol: ?[2J? ol\u00e9 ?!")
bob.hears("carol: ?[2J? ol\u00e9 ?!")
# many lines in one piece come one by one, and are not too many
carol.s.sendall(b"".join(b"line %d\n" % i for i in range(1000)))
for m in alice, bob:
    m.hears(*["carol: line %d" % i for i in range(1000)])
carol.send("/quit")
carol.hears("* goodbye")
carol.ends()
for m in alice, bob:
    m.hears("* carol has left")

# a line that is too long; half a line, then the end
dora = Member("dora")
try:
    dora.s.sendall(b"x" * (1 << 20))
    dora.hears("* that line is too long: goodbye")
except ConnectionError:
    pass  # who still sends when it is closed may have a reset before it reads the word
dora.s.close()
for m in alice, bob:
    m.hears("* dora has come", "* dora has left")
emil = Member("emil")
emil.s.sendall(b"the last wor")
emil.s.shutdown(socket.SHUT_WR)
emil.hears("* goodbye")
emil.ends()
for m in alice, bob:
    m.hears("* emil has come", "emil: the last wor", "* emil has left")
Member().s.close()  # came, and said nothing

# one that is killed, in the middle of what it would have read
code = ("import socket, sys; s = socket.create_connection(('127.0.0.1', %d)); s.sendall(b'frida\\n')\n"
        "print(s.makefile().readline(), flush=True); sys.stdin.read()" % port)
frida = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
frida.stdout.readline()
for m in alice, bob:
    m.hears("* frida has come")
alice.send("are you there?")
bob.hears("alice: are you there?")
frida.kill()
frida.wait()
for m in alice, bob:
    m.hears("* frida has left")

# one that does not read: the others go on, and at last it is dropped and told
slow = Member("slow", room=4096)
for m in alice, bob:
    m.hears("* slow has come")
text, sent, left = "y" * 500, 0, False
while not left:
    if sent > 200000:
        sys.exit("the slow one is never dropped")
    alice.s.sendall(b"%s\n" % text.encode() * 50)
    sent += 50
    heard = 0
    while heard < 50:
        line = bob.line()
        left = left or line == "* slow has left"
        heard += line == "alice: " + text
        if line not in ("* slow has left", "alice: " + text):
            sys.exit("bob hears %r" % line)
alice.hears("* slow has left")
last = None
while True:
    line = slow.line()
    if line is None:
        break
    last = line
if last != "* you read too slowly: goodbye":
    sys.exit("the slow one was not told: %r" % last)
print("the slow one was dropped after %d messages" % sent)

# its name is free again; many at once
slow = Member("slow")
for m in alice, bob:
    m.hears("* slow has come")
crowd = []
for i in range(50):
    crowd.append(Member("m%d" % i))
for i, m in enumerate(crowd):
    m.hears(*["* m%d has come" % k for k in range(i + 1, 50)])
crowd[0].send("all")
for m in crowd[1:]:
    m.hears("m0: all")
PYTHON
kill -0 "$server" || fault "the server is gone: $(cat "$dir/err")"
stop TERM
[ ! -s "$dir/err" ] || fault "the server says: $(cat "$dir/err")"

[ $faults -eq 0 ] && echo "chat: ok"
exit $((faults > 0))
