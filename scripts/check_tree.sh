#!/usr/bin/env bash
# Fails if something that is tracked has changed, or a file lies in the clone that nobody ignores: no test writes there.
set -euo pipefail
cd "$(dirname "$0")/.."

# What was unpacked from an archive has nothing to compare with.
[ -e .git ] || exit 0
found=$(git status --porcelain)
[ -z "$found" ] || { printf 'the tests have changed the clone:\n%s\n' "$found" >&2; exit 1; }
