#!/usr/bin/env bash
# Tests what `make test` can not on one machine: the kernels for older processors and for Arm 64, memory errors and data races.
set -euo pipefail
cd "$(dirname "$0")/.."

tests='SwageNativeTests\.(Kernel|BlockProduct|MatrixProduct|ProductGrid|ThreadTeam|GoldenDecoder|Sampler)|SwageFilesTests\.Encoding'

# try NAME [OPTION ...]: in a build folder of its own, because every flag builds everything anew.
try() {
    echo "== $1, instructions: ${SWAGE_INSTRUCTIONS:-the newest that this processor has}"
    swift build -c release --build-tests --scratch-path ".build-$1" "${@:2}" 2>&1 | { grep -vE 'ld.gold: warning|^\[' || true; }
    swift test -c release --skip-build --scratch-path ".build-$1" "${@:2}" --filter "$tests" | tail -n 1
}

SWAGE_INSTRUCTIONS=baseline try baseline
# What it would report as leaked is the test runner's own.
ASAN_OPTIONS=detect_leaks=0 try address --sanitize=address
# The same build opens damaged files.
ASAN_OPTIONS=detect_leaks=0 .build-address/release/FileFuzzer 5000 1
# Under this sanitizer nothing may run before its start, as the choice among generations of instructions does. Where there is
# none, the baseline is all that there is.
generation=baseline
[ "$(uname -sm)" = "Linux x86_64" ] && generation=v3
SWAGE_INSTRUCTIONS=$generation try thread --sanitize=thread
scripts/test_kernels_arm.sh
