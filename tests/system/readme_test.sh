#!/usr/bin/env bash
# The README tells the truth: what it says about installing works, its programs compile, count right however they
# are started and find their server, its commands exist, and its table of variables is the library's.
set -u
. "$WEFT_SOURCE_DIR/tests/system/serving.sh"
src=$WEFT_SOURCE_DIR
bin=$WEFT_BUILD_BIN

# As whoever follows it: what it says is run from a clone of this tree, which is built already, and weft is
# installed into a home of the test's own.
export HOME=$dir/home
here=$dir/clone
mkdir -p "$HOME" "$here/build" "$dir/tools" "$dir/app"
ln -s "${bin%/bin}" "$here/build/release"
cp "$src/README.md" "$here"
unset PKG_CONFIG_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH
printf '#!/bin/sh\ncase "$1 $2" in --preset*|"--build --preset") exit 0 ;; esac\nexec %s "$@"\n' \
    "$(command -v cmake)" >"$dir/tools/cmake"
compiler=$(command -v cc)
[ -z "${WEFT_TEST_SANITIZE:-}" ] || compiler="$(command -v clang-14) -fsanitize=$WEFT_TEST_SANITIZE"
printf '#!/bin/sh\nexec %s -std=c11 -Wall -Wextra -Werror "$@"\n' "$compiler" >"$dir/tools/cc"
chmod +x "$dir/tools/"*
export PATH=$dir/tools:$PATH CC=$dir/tools/cc

# block LANGUAGE WORDS: the block of that language that has the words
block() {
    awk -v from="\`\`\`$1" -v words="$2" '$0 == from { on = 1; text = ""; next }
        /^```/ { if (on && index(text, words)) printf "%s", text; on = 0 }
        on { text = text $0 "\n" }' "$src/README.md"
}

block sh "--install" >"$dir/install.sh"
cd "$here" || exit 1
. "$dir/install.sh" >"$dir/out" 2>&1 || fault "the install: $(tail -3 "$dir/out")"
[ "$(command -v weft)" = "$HOME/weft/bin/weft" ] || fault "weft is $(command -v weft)"
cd "$dir/app" || exit 1
block c '"numbers"' >squares.c
block c 'weft_fork_value' >cores.c
block c 'weft_dial' >first.c
block c 'weft_listen(' >serve.c
block cmake 'find_package' >CMakeLists.txt
for program in squares cores first serve; do
    command=$(grep -oE "cc $program\.c [^\`]*" "$src/README.md")
    eval "$command" || fault "'$command' does not compile the program $program"
    mv "$program" "$dir"
done

# The squares of 0 to 49, whoever took which.
counts() {
    local sum ranks=$1
    shift
    timeout 60 "$@" >"$dir/out" 2>"$dir/err" || fault "$*: exit code $?: $(cat "$dir/err")"
    sum=$(awk '/^rank/ { s += $NF } END { print s + 0 }' "$dir/out")
    [ "$sum" -eq 40425 ] || fault "$*: the squares add up to $sum"
    [ "$(grep -c "of $ranks:" "$dir/out")" -eq "$ranks" ] || fault "$*: not $ranks ranks: $(cat "$dir/out")"
}
counts 1 "$dir/squares"
counts 4 "$bin/weft" run -n 4 -- "$dir/squares"
if command -v mpirun >/dev/null && [ -e "$bin/../lib/weft/mpi-openmpi.so" ]; then
    counts 3 mpirun --oversubscribe -n 3 "$dir/squares"
fi

for threads in 1 2 4; do
    expected="$threads workers: fib(30) = 832040, the first 1000 cubes add up to 249500250000"
    said=$(WEFT_THREADS=$threads timeout 60 "$dir/cores" 2>/dev/null)
    [ "$said" = "$expected" ] || fault "cores says '$said'"
done

# The client, as either build makes it, beside the server that is named; at a port of its own.
start sh -c "cd '$here' && exec $(grep -oE '`build/release/bin/httpd \. &`' "$src/README.md" | tr -d '`&') 127.0.0.1:0"
at=${at#http://127.0.0.1} at=${at%/}
eval "$(grep -oE 'cmake -B [^`]*' "$src/README.md")" >"$dir/built" 2>&1 || fault "CMake: $(tail -5 "$dir/built")"
for client in "$dir/first" build/first; do
    said=$(timeout 60 "$client" "localhost$at" 2>&1) || fault "$client: exit code $?: $said"
    [ "$said" = $'HTTP/1.1 200 OK\r' ] || fault "$client says '$said'"
done
stop TERM

# The server: who is served when it is told to end is served on, and then it ends.
start "$dir/serve" 127.0.0.1:0
exec 3<>"/dev/tcp/127.0.0.1/${at##*:}"
for told in no yes; do
    [ $told = no ] || kill -TERM "$server"
    echo "told: $told" >&3
    read -r -t 60 said <&3 || said=nothing
    [ "$said" = "told: $told" ] || fault "serve says '$said', told to end: $told"
done
exec 3>&-
stop 0 # it was told

for script in $(grep -oE '^scripts/[a-z]+' "$src/README.md" | sort -u); do
    [ -x "$src/$script" ] || fault "$script cannot be run"
done
for variable in $("$bin/weft" env | grep -oE '^WEFT_[A-Z_]+'); do
    grep -q "^| \`$variable\`" "$src/README.md" || fault "$variable is not in the README"
done
for variable in $(grep -oE '^\| `WEFT_[A-Z_]+' "$src/README.md" | grep -oE 'WEFT_[A-Z_]+'); do
    "$bin/weft" env | grep -q "^$variable " || fault "$variable is in the README only"
done

[ $faults -eq 0 ] && echo "readme: ok"
exit $((faults > 0))
