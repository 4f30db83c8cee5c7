#!/usr/bin/env bash
# The example of weft/file.h reads lines from standard input, whatever that is, and leaves a terminal as it was.
set -u
src=$WEFT_SOURCE_DIR
bin=$WEFT_BUILD_BIN
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
faults=0

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

{
    printf '#include <stdio.h>\n#include <weft/weft.h>\n'
    awk '/^ \*     struct input \{/ { on = 1 } / \*\/$/ { on = 0 } on' "$src/include/weft/file.h" | sed 's/^ \* \?//'
    cat <<'END'
static int app(weft *w, int argc, char **argv)
{
    (void)argc, (void)argv;
    weft_scope s;
    struct input i;
    weft_stream *in;
    char line[100];
    size_t len;
    int lines = 0;
    weft_scope_init(&s, weft_pool(w), "input");
    weft_err e = open_input(w, &s, &i, &in);
    if (e != WEFT_OK)
        return fprintf(stderr, "%s: %s\n", weft_strerror(e), weft_detail()), 1;
    while ((e = weft_read_until(in, "\n", line, sizeof line, &len, weft_in_s(30))) == WEFT_OK)
        lines++, printf("[%.*s]", (int)len - 1, line);
    printf(" %d lines, then %zu bytes: %s\n", lines, len, weft_strerror(e));
    weft_close(&in);
    e = weft_scope_join(&s, weft_in_s(30));
    weft_scope_fini(&s);
    return e == WEFT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
END
} >"$dir/lines.c"
sanitize=()
compiler=cc
[ -z "${WEFT_TEST_SANITIZE:-}" ] || sanitize=("-fsanitize=$WEFT_TEST_SANITIZE")
[ -z "${WEFT_TEST_SANITIZE:-}" ] || compiler=clang-14
$compiler "${sanitize[@]}" -std=c11 -Wall -Wextra -Werror -I "$src/include" "$dir/lines.c" -o "$dir/lines" \
    -L "$bin/../lib" -lweft -Wl,-rpath,"$bin/../lib" || fault "the example of weft/file.h does not compile"

says() {
    timeout 60 "$dir/lines" >"$dir/out" 2>&1 || fault "$1: exit code $?"
    [ "$(cat "$dir/out")" = "$2" ] || fault "$1: it says '$(cat "$dir/out")', not '$2'"
}

three='[one][][three] 3 lines, then 4 bytes: closed'
printf 'one\n\nthree\nfour' >"$dir/text"
says "a file" "$three" <"$dir/text"
printf 'one\n\nthree\nfour' | says "a pipe" "$three"
says "the null device" ' 0 lines, then 0 bytes: closed' </dev/null
mkfifo "$dir/fifo"
cat "$dir/text" >"$dir/fifo" &
says "a fifo" "$three" <"$dir/fifo"
wait
seq 100000 | sed 's/.*/a line that is read from a file, as all the others/' >"$dir/many"
timeout 60 "$dir/lines" <"$dir/many" | tail -c 100 | grep -q '\] 100000 lines, then 0 bytes: closed' ||
    fault "not all lines of a long file came"

# The program reads from a terminal, which is standard input and output at once, and `again` after it.
cat >"$dir/again" <<END
#!/bin/sh
"$dir/lines"
case \$(sed -n 's/^flags://p' /proc/\$\$/fdinfo/0) in *[4567]???) echo "it does not block" ;; esac
read -r rest && echo "after it: \$rest"
END
chmod +x "$dir/again"
timeout 100 python3 - "$dir/again" <<'END' || fault "a terminal"
import os, pty, select, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""

def until(what):
    global said
    while what not in said:
        assert select.select([terminal], [], [], 50)[0], said
        said += os.read(terminal, 4096)

os.write(terminal, b"hello\nworld\n\x04")
until(b"[hello][world] 2 lines, then 0 bytes: closed")
os.write(terminal, b"more\n")
until(b"after it: more")
assert os.waitpid(pid, 0)[1] == 0
assert b"does not block" not in said, said
END

says "nothing" ' 0 lines, then 0 bytes: closed' <&-
# What is said to nobody goes nowhere else.
timeout 60 "$dir/lines" <"$dir/text" >&- 2>"$dir/out" || fault "without standard output: exit code $?"
[ -s "$dir/out" ] && fault "without standard output: $(cat "$dir/out")"

[ $faults -eq 0 ] && echo "input: ok"
exit $((faults > 0))
