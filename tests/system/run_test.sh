#!/bin/bash
# The command `weft run` with plain programs. Prints one line for each promise; exit 1 if one is
# broken. Everything is bounded by `timeout`, nothing waits by sleeping. What shall be over within a
# second or two is allowed five times that here, where others use the machine as well.
# ctest: timeout=240 serial
set -u
weft=${WEFT_BUILD_BIN:?the folder of the built programs}/weft
dir=$(mktemp -d)
# Background jobs of a case that failed are ended too.
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
failed=0
# Names of shared memory; what others have left there is theirs.
shm() { find /dev/shm -name '*weft*' 2>/dev/null | sort; }
shm_before=$(shm)

ok() { # ok NAME CONDITION...: the condition is a command
    local name=$1
    shift
    if "$@"; then
        echo "ok   $name"
    else
        echo "FAIL $name: $*"
        failed=1
    fi
}

# run CODE WORDS...: runs weft, expects the code; out and err stay in files.
run() {
    local want=$1 got
    shift
    timeout 60 "$weft" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ $got = "$want" ] || { echo "     exit code $got instead of $want; $(head -c 300 "$dir/err")"; return 1; }
}

# That there are more workers than CPUs depends on the machine that runs the tests.
quiet() { sed -i '/bound to the set, not to cores$/d' "$dir/err"; [ ! -s "$dir/err" ]; }
lines() { [ "$(wc -l <"$1")" = "$2" ]; }
says() { grep -q -- "$2" "$1" || { echo "     $1 has: $(head -c 300 "$1")"; return 1; }; }
one_line() { run "$@" && lines "$dir/err" 1; }

# Until a command succeeds, at most 10 s.
until_ok() {
    local end=$((SECONDS + 10))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.01 <> <(:) || true
    done
}
has_lines() { [ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }
# state PID LETTERS: whether the process is in one of these states. A name may hold anything.
state() {
    local line=
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || true
    line=${line##*) }
    [[ $line == [$2]* ]]
}
gone() { [ ! -e "/proc/$1" ] || state "$1" ZX; }
all_gone() { local p; for p in $(cat "$1"); do gone "$p" || return 1; done; }
ms() { echo $(($(date +%s%N) / 1000000)); }

echo "# exit codes"
ok "a job that ends well is 0" run 0 run -n 3 -- true
ok "a code other than 0 is returned" run 7 run -n 3 -- sh -c 'exit 7'
clean_exit() {
    run 3 run -n 2 -- sh -c '[ "${WEFT_JOB%%:*}" = 1 ] && exit 3; read -r x </dev/null; sleep 0.3; echo alive' &&
        says "$dir/out" alive
}
ok "a clean exit with a code ends nobody else" clean_exit
crash_wins() { run 139 run -n 2 -- sh -c '[ "${WEFT_JOB%%:*}" = 0 ] && exit 5; sleep 0.2; kill -SEGV $$'; }
ok "a crash counts more than a code" crash_wins
ok "a program that does not exist is 127" one_line 127 run -n 2 -- no-such-program-here
ok "nor does its path" one_line 127 run -n 2 -- "$dir/none"
echo hello >"$dir/plain"
ok "a file that is not executable is 126" one_line 126 run -n 2 -- "$dir/plain"
ok "a directory is 126" one_line 126 run -n 2 -- /tmp
printf '#!/no/such/interpreter\n' >"$dir/odd"
chmod +x "$dir/odd"
ok "an interpreter that does not exist is 127" one_line 127 run -n 2 -- "$dir/odd"

echo "# bad options: 2, one line"
for n in 0 -1 100000 x "" 1.5 99999999999999999999 0x2 " 3"; do
    ok "-n '$n'" one_line 2 run -n "$n" -- true
    ok "  says what is allowed" says "$dir/err" "whole number from 1 to 1024"
done
ok "no -n" one_line 2 run -- true
ok "no program" one_line 2 run -n 2
ok "an option that does not exist" one_line 2 run -n 2 --theads 2 -- true
ok "  suggests one" says "$dir/err" "did you mean --threads?"
ok "--bind cpu" one_line 2 run -n 2 --bind cpu -- true
ok "--threads 0" one_line 2 run -n 2 --threads 0 -- true
ok "a value that is missing" one_line 2 run -n
ok "WEFT_THREADS=x" env WEFT_THREADS=x bash -c "'$weft' run -n 2 -- true 2>/dev/null; [ \$? = 2 ]"
ok "a verb that does not exist" one_line 2 rnu
ok "  suggests one" says "$dir/err" "did you mean run?"
ok "no verb" one_line 2
few_files() { (ulimit -n 100 && run 2 run -n 200 -- true) && lines "$dir/err" 1 && says "$dir/err" "ulimit -n"; }
ok "more ranks than descriptors allow" few_files
ok "--help is 0" run 0 run --help
ok "--help of the program is the program's" run 1 run -n 1 -- sh -c '[ "$1" != --help ]' sh --help

echo "# output"
eight() {
    run 0 run -n 8 -- awk 'BEGIN { split(ENVIRON["WEFT_JOB"], j, ":"); for (i = 0; i < 100000; i++) print "rank", j[1], "line", i }' || return 1
    lines "$dir/out" 800000 || return 1
    # Each rank's lines whole and in order.
    awk '$1 != "rank" || $3 != "line" || NF != 4 || $4 != n[$2]++ { exit 1 }' "$dir/out"
}
ok "800,000 lines of 8 ranks, whole and in order" eight
tags() {
    run 0 run -n 3 --tag -- sh -c 'echo a; echo b' || return 1
    [ "$(LC_ALL=C sort "$dir/out" | tr '\n' ' ')" = "[0] a [0] b [1] a [1] b [2] a [2] b " ]
}
ok "--tag" tags
last() { run 0 run -n 1 -- printf 'a\nb' && [ "$(od -An -c "$dir/out" | tr -d ' ')" = 'a\nb' ]; }
ok "a last line without its end is passed as it is" last
bytes() {
    head -c 3000000 /dev/urandom >"$dir/bytes"
    run 0 run -n 1 -- cat "$dir/bytes" && cmp "$dir/bytes" "$dir/out"
}
ok "any bytes" bytes
long() { # lines of 1 MB, in pieces that come slowly enough to meet those of the other ranks
    run 0 run -n 4 -- awk 'BEGIN { split(ENVIRON["WEFT_JOB"], j, ":"); for (l = 0; l < 3; l++) { for (i = 0; i < 100000; i++) printf "%s", j[1] j[1] j[1] j[1] j[1] j[1] j[1] j[1] j[1] j[1]; print "" } }' || return 1
    lines "$dir/out" 12 && awk 'length($0) != 1000000 || $0 !~ /^(0+|1+|2+|3+)$/ { exit 1 }' "$dir/out"
}
ok "lines of 1 MB are never mixed" long
separate() { run 0 run -n 1 -- sh -c 'echo out; echo err >&2' && says "$dir/out" out && says "$dir/err" err && lines "$dir/out" 1; }
ok "standard error stays apart" separate
tail_of_dead() { run 137 run -n 1 -- sh -c 'seq 1000; printf last; kill -9 $$' && [ "$(tail -c 4 "$dir/out")" = last ] && lines "$dir/out" 1000; }
ok "what a rank printed before it died is there" tail_of_dead
head_quiet() {
    timeout 20 "$weft" run -n 2 -- yes 2>"$dir/err" | head -3 >"$dir/out"
    local code=${PIPESTATUS[0]}
    [ "$code" = 141 ] && lines "$dir/out" 3 && quiet
}
ok "| head ends it quietly" head_quiet
head_ignored() { # a program that heeds no broken pipe and goes on is ended as well
    timeout 20 "$weft" run -n 2 -- sh -c 'trap "" PIPE; while :; do echo y 2>/dev/null; done' 2>"$dir/err" | head -1 >/dev/null
    [ "${PIPESTATUS[0]}" = 141 ] && quiet
}
ok "| head ends also who does not heed it" head_ignored
full() {
    timeout 20 "$weft" run -n 2 -- seq 100000 >/dev/full 2>"$dir/err"
    [ $? = 1 ] && says "$dir/err" "No space left" && { quiet; lines "$dir/err" 1; }
}
ok "a full device is 1, with one message" full
slow_reader() { # a reader that does not read holds up nothing but output: a signal still ends it
    mkfifo "$dir/slow"
    timeout 30 "$weft" run -n 2 -- yes >"$dir/slow" 2>/dev/null &
    local pid=$! code
    exec 7<"$dir/slow"
    read -r _ <&7
    kill -TERM $pid
    (sleep 10 && kill -9 $pid) 2>/dev/null & # it must not be this that ends it
    local patience=$!
    wait $pid
    code=$?
    exec 7<&-
    kill $patience 2>/dev/null
    [ $code = 143 ] || [ $code = 141 ]
}
ok "a reader that stands still stops no signal" slow_reader
long_line() { # a rank that waits in the middle of a long line for one that wants to print
    mkfifo "$dir/done"
    timeout 30 "$weft" run -n 2 -- sh -c '
        if [ "${WEFT_JOB%%:*}" = 0 ]; then head -c 100000 /dev/zero | tr "\\0" x; read -r _ <"$0"; echo end
        else seq 30000; echo >"$0"; fi' "$dir/done" >"$dir/out" 2>"$dir/err"
    [ $? = 0 ] && [ "$(grep -c '^[0-9]*$' "$dir/out")" = 30000 ] && [ "$(tr -cd x <"$dir/out" | wc -c)" = 100000 ]
}
ok "a silent rank in the middle of a long line does not hold the others up for ever" long_line
closed() {
    timeout 20 "$weft" run -n 2 -- echo hello >&- 2>"$dir/err" </dev/null
    [ $? = 1 ] && says "$dir/err" "Bad file descriptor"
}
ok "what cannot be printed because standard output is closed is 1" closed

echo "# input"
seq 100000 >"$dir/numbers"
input() { timeout 20 "$weft" run -n 3 -- cat <"$dir/numbers" >"$dir/out" && cmp "$dir/numbers" "$dir/out"; }
ok "standard input is rank 0's" input
piped() { [ "$(timeout 20 "$weft" run -n 2 -- wc -l <"$dir/numbers" 2>"$dir/err" | sort -n | tr '\n' ' ')" = "0 100000 " ]; }
ok "the others have none" piped
typed() { # a terminal of script's own
    [ -x /usr/bin/script ] || return 0
    printf 'hello\n' | timeout 20 script -qec "'$weft' run -n 2 --bind none -- sh -c 'read -r x && echo got \$x; exit 0'" /dev/null >"$dir/out"
    says "$dir/out" "got hello"
}
ok "what is typed at a terminal reaches rank 0" typed

echo "# signals"
cat >"$dir/counts" <<'S'
#!/bin/bash
# Counts the signals that come, says so, ends after one.
trap 'echo "${WEFT_JOB%%:*} got $1" >>"$2"; exit 9' "$1"
exec 8<> <(:)
echo ready >>"$3"
# Waits without forking: a child caught between fork and the reset of its traps would count as well.
for _ in {1..600}; do read -rt 0.1 -u 8; done
S
chmod +x "$dir/counts"
forwarded() {
    rm -f "$dir/got" "$dir/ready"
    "$weft" run -n 4 -- "$dir/counts" "$1" "$dir/got" "$dir/ready" >/dev/null 2>"$dir/err" &
    local pid=$!
    until_ok has_lines "$dir/ready" 4 || return 1
    kill "-$1" $pid
    wait $pid
    [ $? = 9 ] && lines "$dir/got" 4 && quiet
}
ok "SIGTERM reaches every rank once" forwarded TERM
ok "SIGINT reaches every rank once" forwarded INT
ok "SIGHUP reaches every rank once" forwarded HUP
dies_of() {
    "$weft" run -n 3 -- sh -c "echo x >>$dir/up$1; exec sleep 50" 2>"$dir/err" &
    local pid=$!
    until_ok has_lines "$dir/up$1" 3 || return 1
    kill "-$1" $pid
    wait $pid
    [ $? = "$2" ] && quiet
}
ok "ranks that die of a forwarded SIGINT: 130, quietly" dies_of INT 130
ok "ranks that die of a forwarded SIGTERM: 143, quietly" dies_of TERM 143
second_kills() {
    "$weft" run -n 2 -- bash -c "trap '' TERM; echo x >>$dir/up2; for _ in \$(seq 300); do sleep 0.1; done" 2>"$dir/err" &
    local pid=$! start
    until_ok has_lines "$dir/up2" 2 || return 1
    start=$(ms)
    kill -TERM $pid
    until_ok test -n "$(cat "/proc/$pid/status")"
    read -rt 0.2 <> <(:)
    kill -TERM $pid
    wait $pid
    [ $? = 143 ] && [ $(($(ms) - start)) -lt 4500 ]
}
ok "a second signal kills" second_kills
stubborn() {
    "$weft" run -n 2 -- bash -c "trap '' TERM; echo x >>$dir/up3; for _ in \$(seq 300); do sleep 0.1; done" 2>"$dir/err" &
    local pid=$!
    until_ok has_lines "$dir/up3" 2 || return 1
    kill -TERM $pid
    wait $pid
    [ $? = 143 ] && says "$dir/err" "ranks 0, 1 did not end"
}
ok "who does not end is named and killed after 5 s" stubborn
stops() {
    "$weft" run -n 2 -- sh -c "echo \$\$ >>$dir/stops; exec sleep 50" 2>/dev/null &
    local pid=$! rank
    until_ok has_lines "$dir/stops" 2 || return 1
    rank=$(head -1 "$dir/stops")
    kill -TSTP "$pid"
    until_ok state "$rank" T || return 1
    until_ok state "$pid" T || return 1
    kill -CONT "$pid"
    until_ok state "$rank" S || return 1
    kill -TERM $pid
    wait $pid
    [ $? = 143 ]
}
ok "SIGTSTP stops the job, SIGCONT continues it" stops

echo "# killed"
cat >"$dir/family" <<'S'
#!/bin/bash
# A rank with a child, and a grandchild in a session of its own.
sleep 50 &
echo "$$ $!" >>"$1"
setsid sh -c "echo \$\$ >>'$1'; exec sleep 50" &
echo "${WEFT_JOB%%:*} $$" >>"$2"
wait
S
chmod +x "$dir/family"
start_family() {
    rm -f "$dir/pids" "$dir/ranks"
    "$weft" run -n 4 -- "$dir/family" "$dir/pids" "$dir/ranks" 2>"$dir/err" >/dev/null </dev/null &
    launcher=$!
    until_ok has_lines "$dir/pids" 8 && until_ok has_lines "$dir/ranks" 4
}
kill_rank() {
    start_family || return 1
    local victim start code
    victim=$(awk '$1 == 2 { print $2 }' "$dir/ranks")
    start=$(ms)
    kill -9 "$victim"
    wait "$launcher"
    code=$?
    echo "     after $(($(ms) - start)) ms"
    [ $(($(ms) - start)) -lt 10000 ] && [ $code = 137 ] && { quiet; lines "$dir/err" 1; } &&
        says "$dir/err" "rank 2 (pid $victim) on .* was killed by signal 9 (Killed); ending the other ranks" &&
        all_gone "$dir/pids"
}
ok "a rank killed: 137 within 2 s, named, nothing left" kill_rank
kill_launcher() {
    start_family || return 1
    local start
    start=$(ms)
    kill -9 "$launcher"
    wait "$launcher" 2>/dev/null
    until_ok all_gone "$dir/pids" && echo "     after $(($(ms) - start)) ms" && [ $(($(ms) - start)) -lt 5000 ]
}
ok "the launcher killed: all gone within 1 s" kill_launcher
no_guard_left() { ! grep -lq "$dir/family" /proc/[0-9]*/cmdline 2>/dev/null; }
ok "and the guard as well" until_ok no_guard_left
orphans() {
    run 0 run -n 2 -- sh -c "setsid sleep 50 & echo \$! >>$dir/orphans" && all_gone "$dir/orphans"
}
ok "what a rank left behind is gone at the end" orphans
no_litter() { [ -z "$(comm -13 <(echo "$shm_before") <(shm))" ]; }
ok "no shared memory has a name" no_litter

echo "# places"
crowded() { run 0 run -n 2 --threads 200 -- true && says "$dir/err" "2 ranks x 200 workers on .*: bound to the set, not to cores" && lines "$dir/err" 1 && [ ! -s "$dir/out" ]; }
ok "more workers than CPUs is said once" crowded
unbound() { run 0 run -n 1 --bind none -- sh -c 'grep Cpus_allowed_list /proc/self/status' && [ "$(cat "$dir/out")" = "$(grep Cpus_allowed_list /proc/self/status)" ]; }
ok "--bind none leaves the mask alone" unbound
one_cpu() { run 0 run -n 1 --threads 1 -- nproc && [ "$(cat "$dir/out")" = 1 ]; }
ok "one worker is bound to one CPU" one_cpu
planned() { run 0 run -n 2 --plan -- true && says "$dir/err" "RANK  WORKERS  CPUS" && [ ! -s "$dir/out" ]; }
ok "--plan shows the plan on standard error" planned
picture() { run 0 plan -n 2 --machine "package:2 core:2 pu:2" && says "$dir/out" "\[0 0\] \[0 0\]"; }
ok "weft plan draws a machine" picture
json() { run 0 plan -n 2 --threads 1 --machine "core:2 pu:1" --json && says "$dir/out" '"rank":1,"workers":1,"bound":true,"cpus":\[1\],"worker_cpus":\[1\]'; }
ok "weft plan --json" json
ok "a machine that is none" one_line 2 plan -n 2 --machine "gibberish:x"
table() { run 0 env && says "$dir/out" WEFT_THREADS && says "$dir/out" WEFT_LINK; }
ok "weft env" table

exit $failed
