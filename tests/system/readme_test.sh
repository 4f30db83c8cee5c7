#!/usr/bin/env bash
# The README tells the truth: its programs compile and count right however they are started, its commands
# exist, and its table of variables is the library's.
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

awk -v dir="$dir" '/^```c$/ { n++; on = 1; next } /^```/ { on = 0 }
    on { print > (dir "/" (n == 1 ? "squares" : "cores") ".c") }' "$src/README.md"
sanitize=()
[ -z "${WEFT_TEST_SANITIZE:-}" ] || sanitize=("-fsanitize=$WEFT_TEST_SANITIZE")
compiler=cc
[ -z "${WEFT_TEST_SANITIZE:-}" ] || compiler=clang-14
for program in squares cores; do
    $compiler "${sanitize[@]}" -std=c11 -Wall -Wextra -Werror -I "$src/include" "$dir/$program.c" \
        -o "$dir/$program" -L "$bin/../lib" -lweft -Wl,-rpath,"$bin/../lib" ||
        fault "the program $program of the README does not compile"
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
