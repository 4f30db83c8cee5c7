#!/usr/bin/env bash
# A task that waits inside a catch block keeps its own exception: two that rethrow after a wait get back
# what each of them caught, on whichever threads they went on.
# ctest: plain
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/catch.cpp" <<'END'
#include <stdexcept>
#include <string>

#include <weft/weft.h>

struct turn {
    int number, wrong;
};

static void pause_some(int kind)
{
    if (kind % 3 == 0)
        (void)weft_yield();
    else if (kind % 3 == 1)
        (void)weft_sleep(weft_in_us(20));
    else if (weft_move(weft_threads(weft_here())) != WEFT_OK ||
             weft_move(weft_pool(weft_here())) != WEFT_OK)
        throw std::logic_error("cannot move");
}

/* Waits in a catch block, then rethrows what it caught there. */
static void once(turn *t, int kind)
{
    const std::string mine = "exception of " + std::to_string(t->number) + ", a long one";
    try {
        try {
            throw std::runtime_error(mine);
        } catch (...) {
            pause_some(kind);
            throw;
        }
    } catch (const std::exception &e) {
        pause_some(kind + 1);
        t->wrong += mine != e.what();
    }
}

static weft_err run(void *arg)
{
    turn *t = static_cast<turn *>(arg);
    for (int i = 0; i < 300; i++)
        once(t, i + t->number);
    return t->wrong ? WEFT_INVALID : WEFT_OK;
}

static int app(weft *w, int, char **)
{
    turn turns[8] = {};
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "catching");
    for (int i = 0; i < 8; i++) {
        turns[i].number = i;
        if (weft_go(&s, run, &turns[i]) != WEFT_OK)
            return 2;
    }
    weft_err e = weft_scope_join(&s, weft_in_s(60));
    weft_scope_fini(&s);
    return e == WEFT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, nullptr, app);
}
END

build=$WEFT_BUILD_DIR
g++ -std=c++17 -O2 -Wall -I"$WEFT_SOURCE_DIR/include" "$dir/catch.cpp" -o "$dir/catch" \
    -L"$build/lib" -lweft -Wl,-rpath,"$build/lib"
for threads in 1 2 4; do
    if ! WEFT_THREADS=$threads timeout 100 "$dir/catch"; then
        echo "cxx: with $threads workers a task got another's exception" >&2
        exit 1
    fi
done
echo "cxx: every task kept its own exception"
