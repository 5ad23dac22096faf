#!/usr/bin/env bash
# Writes the code of proto/ anew: Swift's into Sources/SwageRemote/Generated, Python's into python/swage_worker/generated.
# Takes PYTHON, which has grpcio-tools (it brings protoc) and buf, and builds the two Swift plugins.
set -euo pipefail
cd "$(dirname "$0")/.."

"$(dirname "$PYTHON")/buf" lint proto

protos=(swage/v1/trainer.proto grpc/health/v1/health.proto)
swift build -c release --traits Engines --product protoc-gen-swift
swift build -c release --traits Engines --product protoc-gen-grpc-swift-2
output=Sources/SwageRemote/Generated
rm -rf "$output"
mkdir -p "$output"
"$PYTHON" -m grpc_tools.protoc --proto_path=proto "${protos[@]}" \
    --plugin=.build/release/protoc-gen-swift --swift_out="$output" --swift_opt=Visibility=Package,FileNaming=DropPath,UseAccessLevelOnImports=true \
    --plugin=.build/release/protoc-gen-grpc-swift-2 --grpc-swift-2_out="$output" \
    --grpc-swift-2_opt=Visibility=Package,FileNaming=DropPath,UseAccessLevelOnImports=true
for file in "$output"/*.swift; do
    # Like all of SwageRemote, they are left out of a build without gRPC.
    { echo "#if Engines"; cat "$file"; echo "#endif"; } >"$file.new"
    mv "$file.new" "$file"
done

# The modules that protoc writes name each other from the root of the packages; they live below ours.
output=python/swage_worker/generated
rm -rf "$output"
mkdir -p "$output"
"$PYTHON" -m grpc_tools.protoc --proto_path=proto "${protos[@]}" --python_out="$output" --grpc_python_out="$output"
find "$output" -name '*_pb2_grpc.py' -exec sed -i -E 's/^from (swage|grpc\.health)\.v1 import/from . import/' {} +
rm -rf "$output/grpc"
find "$output" -type d -exec touch {}/__init__.py \;

# What was written from what: `make lint` sees where one was changed without the other.
find proto Sources/SwageRemote/Generated python/swage_worker/generated -type f \( -name '*.proto' -o -name '*.swift' -o -name '*.py' \) \
    | LC_ALL=C sort | xargs sha256sum >proto/generated.sha256
