#!/usr/bin/env bash
# ctest: plain slow timeout=300
# The engine runs on aarch64: port, base, task and sync, built statically with a main of their own and
# run by an emulator, with the switch in assembly and with the C library's.
set -euo pipefail

cd "${WEFT_SOURCE_DIR:?run me by ctest}"
cc=aarch64-linux-gnu-gcc
for need in "$cc" qemu-aarch64; do
    if ! command -v "$need" >/dev/null; then
        echo "aarch64_test: no $need here: run scripts/setup"
        exit 77
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

common=(lib/port/*.c lib/base/*.c lib/sync/*.c tests/cross/tasks.c)
for file in lib/port/linux/*.c; do
    # Loads plug-ins, which a static program cannot; nothing here does.
    [ "$file" = lib/port/linux/module.c ] || common+=("$file")
done
flags=(-std=gnu11 -O2 -g -static -pthread -D_GNU_SOURCE -Iinclude -Ilib -Wall -Wextra -Werror)
task=()
for file in lib/task/*.c; do
    [ "$file" = lib/task/switch_ucontext.c ] || task+=("$file")
done

run() {
    if ! timeout 250 qemu-aarch64 "$work/$1" >"$work/said" 2>&1 ||
        [ "$(tail -n 1 "$work/said")" != ok ]; then
        echo "aarch64_test: $1:" >&2
        cat "$work/said" >&2
        exit 1
    fi
}

"$cc" "${flags[@]}" -o "$work/assembly" "${common[@]}" "${task[@]}" lib/task/switch_aarch64.S
run assembly
"$cc" "${flags[@]}" -DWEFT__SWITCH_UCONTEXT -o "$work/ucontext" "${common[@]}" "${task[@]}" \
    lib/task/switch_ucontext.c
run ucontext
# An executable stack is what the linker gives to assembly that does not say it needs none.
if aarch64-linux-gnu-readelf -lW "$work/assembly" | grep -q 'GNU_STACK.*RWE'; then
    echo "aarch64_test: the stack is executable" >&2
    exit 1
fi
