#!/usr/bin/env bash
# Fetches the pinned packages of requirements.txt into .deps, checked against their hashes. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.deps/$(sha256sum scripts/requirements.txt | cut -c1-16).complete
[ -e "$stamp" ] && exit 0
python3 -m pip --version >/dev/null 2>&1 || {
    echo "pip is missing; on Debian: apt install python3-pip" >&2
    exit 1
}
rm -rf .deps
mkdir -p .deps/wheels
echo "Fetching the pinned packages into .deps"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement scripts/requirements.txt --dest .deps/wheels
for wheel in .deps/wheels/*.whl; do python3 -m zipfile --extract "$wheel" .deps; done
rm -rf .deps/wheels
touch "$stamp"
