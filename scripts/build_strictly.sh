#!/usr/bin/env bash
# scripts/build_strictly.sh PRODUCT ...: builds them with every engine, and takes no warning about what is ours. No flag of the
# compiler does that: packages that depend on this one build it again with other flags, and a newer compiler's warnings are no
# reason for a user's build to fail.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for product in "$@"; do swift build -c release --traits Engines --product "$product" 2>&1 | tee -a "$log"; done
if grep -E "^($PWD/(Sources|Tests|Benchmarks|examples)/|macro expansion ).*: warning:" "$log" >&2; then
    echo "the build warns of what stands above" >&2
    exit 1
fi
