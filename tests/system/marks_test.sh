#!/usr/bin/env bash
# A process that bears the marks of a larger job joins it or says why it cannot; it never runs as one
# of N silent copies of "rank 0 of 1".
set -u
bin=$WEFT_BUILD_BIN
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf 'b a b\n' >"$dir/text"
faults=0

fault() {
    echo "FAULT: $*"
    faults=$((faults + 1))
}

# refused WORDS... -- VARIABLE=VALUE...: exit 1, and every word is in what it says
refused() {
    local words=() out code
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    out=$(env "$@" timeout 60 "$bin/wordcount" "$dir/text" 2>&1 >"$dir/stdout")
    code=$?
    [ $code -eq 1 ] || fault "$*: exit code $code instead of 1: $out"
    [ ! -s "$dir/stdout" ] || fault "$*: printed a result"
    for word in "${words[@]}"; do
        case $out in
        *"$word"*) ;;
        *) fault "$*: does not say '$word': $out" ;;
        esac
    done
}

# alone VARIABLE=VALUE...: runs as a job of one
alone() {
    local out code
    out=$(env "$@" timeout 60 "$bin/wordcount" "$dir/text" 2>"$dir/stderr")
    code=$?
    [ $code -eq 0 ] || fault "$*: exit code $code: $(cat "$dir/stderr")"
    [ "$out" = $'2\tb\n1\ta' ] || fault "$*: printed '$out'"
    grep -q '1 process' "$dir/stderr" || fault "$*: not alone: $(cat "$dir/stderr")"
}

refused OMPI_COMM_WORLD_SIZE=4 mpirun WEFT_ALONE=1 -- OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=1
refused OMPI_COMM_WORLD_SIZE=4 -- OMPI_COMM_WORLD_SIZE=4
refused SLURM_STEP_NUM_TASKS=4 WEFT_ALONE=1 -- SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=2
refused SLURM_STEP_NUM_TASKS=4 -- SLURM_STEP_NUM_TASKS=4
refused PMI_SIZE=3 -- PMI_SIZE=3 PMI_RANK=0
refused WEFT_JOB -- WEFT_JOB=nonsense
refused "descriptor 900" "weft run" WEFT_ALONE=1 -- WEFT_JOB=0:900:901
refused WEFT_LINK carrier shm -- WEFT_LINK=carrier

alone SLURM_NTASKS=4
alone SLURM_JOB_ID=17 SLURM_NTASKS=4 SLURM_NPROCS=4
alone OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0
alone WEFT_ALONE=1 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=1
alone WEFT_ALONE=1 SLURM_STEP_NUM_TASKS=4

[ $faults -eq 0 ] && echo "marks: ok"
exit $((faults > 0))
