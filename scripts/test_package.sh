#!/usr/bin/env bash
# Builds and tests packages that depend on this one: with every engine, in the folder of the build that has them, and without.
set -euo pipefail
cd "$(dirname "$0")/.."
lean=.build-lean

# By name, for swift test would build all of gRPC once more, to be testable.
test_tutor() {
    swift build -c release --package-path examples/tutor "$@" --product tutorPackageTests
    swift test -c release --package-path examples/tutor "$@" --skip-build
}
test_tutor --scratch-path .build --traits Engines
test_tutor --scratch-path $lean
# Who does not ask for gRPC has nothing of it.
if nm $lean/release/tutorPackageTests.xctest | grep -q GRPCCore; then
    echo "a package without the trait Engines has gRPC in it" >&2
    exit 1
fi
swift run -c release --package-path examples/bring-your-own-trainer --scratch-path $lean
