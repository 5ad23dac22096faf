#!/usr/bin/env bash
# Builds examples/cpp-trainer with Debian's packages, and installs those where it may. Elsewhere it says what is missing, and the
# example is left out of what follows.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ make pkg-config libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler nlohmann-json3-dev zlib1g-dev)
missing() { ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; }

if missing && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
if missing; then
    echo "examples/cpp-trainer is left out; on Debian: apt install ${packages[*]}" >&2
    exit 0
fi
make --quiet -j2 -C examples/cpp-trainer
examples/cpp-trainer/build/trainer --vectors docs/loss-vectors.jsonl
