# What the tests of the examples that serve share: a server in the background, and how it ends.
# ctest: helper
dir=$(mktemp -d)
servers=()
faults=0
trap 'for pid in "${servers[@]}"; do kill -9 "$pid" 2>/dev/null; done; rm -rf "$dir"' EXIT

mkfifo "$dir/never"
# A moment between two looks.
pause() { read -r -t 0.02 <>"$dir/never" || true; }

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

# start COMMAND...: in the background; its pid in `server`, and in `at` the address that ends its first line
start() {
    local line=
    rm -f "$dir/said"
    mkfifo "$dir/said"
    "$@" >"$dir/said" 2>"$dir/err" </dev/null &
    server=$!
    servers+=("$server")
    exec 9<"$dir/said"
    read -r -t 60 line <&9 || fault "$*: says nothing: $(cat "$dir/err")"
    at=${line##* }
}

# interrupt SIGNAL PID CODE NAME: the process ends in time, with CODE. ThreadSanitizer keeps a signal back until
# the thread that got it calls something that it watches, which a worker that sleeps does not. So under it this
# is not judged, but what it has to say is.
interrupt() {
    local code=0 patience=30
    [ "${WEFT_TEST_SANITIZE:-}" != thread ] || patience=2
    kill "-$1" "$2"
    timeout $patience tail --pid="$2" -f /dev/null || kill -9 "$2"
    wait "$2" 2>/dev/null || code=$?
    [ $code -ne 137 ] || [ $patience -ne 2 ] || code=$3
    [ $code -eq "$3" ] || fault "$4: $1: exit code $code: $(cat "$dir/err")"
    grep -A 30 ThreadSanitizer "$dir/err" && fault "$4: a race"
}

# stop SIGNAL [CODE]: the server ends in time, with CODE, 0 if not given
stop() {
    local pid kept=()
    interrupt "$1" "$server" "${2:-0}" "the server"
    for pid in "${servers[@]}"; do [ "$pid" = "$server" ] || kept+=("$pid"); done
    servers=("${kept[@]}")
    exec 9<&-
}
