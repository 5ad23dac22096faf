#!/usr/bin/env bash
# Fetches the chat templates of TRL into .deps/templates/trl, for the test that compares what they give with transformers. They are other
# people's text, and not kept in the repository. Those of llama.cpp come from the source package of llama-cpp-python 0.3.36, if it is given:
# scripts/fetch_templates.sh llama_cpp_python-0.3.36.tar.gz
set -euo pipefail
cd "$(dirname "$0")/.."
trl=c4726e139dd40e1a41661511c639c8a68416782b2e3e8c0befebd77bb7ba0396

if [ ! -e .deps/templates/trl ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    echo "trl==1.16.0 --hash=sha256:$trl" >"$folder/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --requirement "$folder/requirements.txt" --dest "$folder"
    python3 -m zipfile --extract "$folder"/trl-*.whl "$folder/trl"
    mkdir -p .deps/templates
    mv "$folder/trl/trl/chat_templates" .deps/templates/trl
fi
if [ $# -gt 0 ]; then
    mkdir -p .deps/templates/llama.cpp
    tar --extract --file "$1" --directory .deps/templates/llama.cpp --strip-components 5 --wildcards '*/vendor/llama.cpp/models/templates/*.jinja'
fi
