#!/usr/bin/env bash
# ctest: plain slow timeout=900
# The lock-free parts pass the model checker, and it catches their mutants: the short form of scripts/model.
set -euo pipefail

: "${WEFT_BUILD_DIR:?run me by ctest}" "${WEFT_SOURCE_DIR:?}"
if [ ! -e /usr/include/relacy/relacy.hpp ]; then
    echo "model_test: no Relacy here: run scripts/setup"
    exit 77
fi
exec "$WEFT_SOURCE_DIR/scripts/model" --short --build "$WEFT_BUILD_DIR/model"
