#!/usr/bin/env bash
# ctest: plain timeout=120
# What `cmake --install` puts somewhere can be used from there: by find_package (shared and static),
# by pkg-config, from C and from C++17; and the command and the plug-ins are there.
set -euo pipefail

: "${WEFT_BUILD_DIR:?run me by ctest}" "${WEFT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "install_test: line $LINENO failed" >&2' ERR

version=$(sed -n 's/^project(weft VERSION \([0-9.]*\).*/\1/p' "$WEFT_SOURCE_DIR/CMakeLists.txt")

# Installed, and then moved: nothing may know where it was installed to.
cmake --install "$WEFT_BUILD_DIR" --prefix "$work/first" >"$work/log" || { cat "$work/log" >&2; exit 1; }
prefix=$work/moved
mv "$work/first" "$prefix"

expect() {
    local what=$1 got
    shift
    got=$("$@")
    if [ "$got" != "$version" ]; then
        echo "install_test: $what printed '$got', not '$version'" >&2
        exit 1
    fi
    echo "install_test: $what: ok"
}

mkdir "$work/user"
cat >"$work/user/user.c" <<'EOF'
#include <stdio.h>
#include <weft/weft.h>

int main(void)
{
    return puts(weft_version()) < 0;
}
EOF
cp "$work/user/user.c" "$work/user/user.cc"
cat >"$work/user/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(weft 0.1 REQUIRED)
add_executable(shared user.c)
target_link_libraries(shared weft::weft)
add_executable(static user.c)
target_link_libraries(static weft::weft_static)
add_executable(cxx user.cc)
target_link_libraries(cxx weft::weft)
EOF
{
    cmake -G Ninja -S "$work/user" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build "$work/build" -j 2
} >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
expect "find_package, shared" "$work/build/shared"
expect "find_package, static" "$work/build/static"
expect "find_package, C++17" "$work/build/cxx"

pc=$(find "$prefix" -name weft.pc)
library=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH LD_LIBRARY_PATH=$library
expect "pkg-config --modversion" pkg-config --modversion weft
read -ra flags < <(pkg-config --cflags --libs weft)
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/user/user.c" -o "$work/pc" "${flags[@]}"
expect "pkg-config, C11" "$work/pc"
g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "$work/user/user.cc" -o "$work/pcxx" "${flags[@]}"
expect "pkg-config, C++17" "$work/pcxx"

for plugin in "$WEFT_BUILD_DIR"/lib/weft/*.so; do
    [ ! -e "$plugin" ] || [ -e "$library/weft/${plugin##*/}" ]
done
[ ! -e "$WEFT_BUILD_DIR/bin/weft" ] || "$prefix/bin/weft" --help >/dev/null
for page in "$WEFT_SOURCE_DIR"/{lib,runner}/man/*.[1-9]; do
    [ ! -e "$page" ] || [ -e "$prefix/share/man/man${page##*.}/${page##*/}" ]
done
