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

# stop SIGNAL [CODE]: the server ends in time, with CODE, 0 if not given
stop() {
    local code=0
    kill "-$1" "$server"
    timeout 30 tail --pid="$server" -f /dev/null || kill -9 "$server"
    wait "$server" || code=$?
    servers=("${servers[@]/$server/}")
    servers=(${servers[@]})
    [ $code -eq "${2:-0}" ] || fault "$1: exit code $code: $(cat "$dir/err")"
    exec 9<&-
}
