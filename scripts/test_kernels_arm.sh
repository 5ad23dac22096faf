#!/usr/bin/env bash
# Holds every kernel to its plain twin, in C alone: on this processor, and on Arm 64, which qemu plays.
set -euo pipefail
cd "$(dirname "$0")/.."

kernels=Sources/CSwageKernels tests=Tests/KernelTests build=.build-kernels sysroot=/usr/aarch64-linux-gnu

# A kernel that no test calls, comments aside.
names=$(grep -ohE '\bswage_[a-z0-9_]+\(' $kernels/include/*.h | tr -d '(' | sort -u)
called=$(sed 's|//.*||' $tests/*.c | grep -ohE '\bswage_[a-z0-9_]+\(' | tr -d '(' | sort -u)
missing=$(comm -23 <(echo "$names") <(echo "$called"))
[ -z "$missing" ] || { printf 'no test in %s calls:\n%s\n' "$tests" "$missing" >&2; exit 1; }

# try NAME RUNNER COMPILER [OPTION ...]
try() {
    local name=$1 runner=$2 compile=("${@:3}" -O2 -std=gnu11 -Wall -Wextra) libraries=()
    echo "== kernels against plain twins, $name"
    mkdir -p $build
    "${compile[@]}" -I $kernels/include $kernels/*.c $tests/*.c -pthread -lm -ldl -o "$build/$name"
    # What swage_blas_bind shall find.
    for options in "plain -DNAME=" "prefixed -DNAME=scipy_" "like-accelerate -DNAME= -DLIKE_ACCELERATE"; do
        set -- $options
        libraries+=("$build/$name-$1.so")
        "${compile[@]}" -shared -fPIC "${@:2}" $tests/library/plain_cblas.c -o "$build/$name-$1.so"
    done
    $runner "$build/$name" "${libraries[@]}" | tee "$build/$name.log"
    grep -q "^$(wc -l <<< "$names") kernels," "$build/$name.log" || { echo "a kernel has no case of its own" >&2; exit 1; }
}

try native "" clang
# Where this processor is one of Arm's, that was it.
[ "$(uname -m)" = x86_64 ] || exit 0
command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null && [ -e $sysroot/include/stdio.h ] || {
    echo "Arm 64 takes a compiler, a C library and qemu; on Debian:" \
        "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2
    exit 1
}
# What Swift compiles with, and one that takes other liberties; what clang calls elementwise, GCC has by another name.
try arm-clang "qemu-aarch64 -L $sysroot" clang --target=aarch64-linux-gnu
try arm-gcc "qemu-aarch64 -L $sysroot" aarch64-linux-gnu-gcc -Wno-unknown-pragmas -D__builtin_elementwise_sqrt=__builtin_sqrtf
