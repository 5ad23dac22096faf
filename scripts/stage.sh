#!/usr/bin/env bash
# scripts/stage.sh NAME COMMAND [ARGUMENT ...]: one stage of `make test`, and how long it took.
# Without arguments: how long each has taken, and forgets them.
set -euo pipefail
cd "$(dirname "$0")/.."
record=.build/stages.txt

if [ $# -eq 0 ]; then
    awk -F '\t' '{ printf "%5d s  %s\n", $1, $2; all += $1 } END { printf "%5d s  in all\n", all }' "$record"
    rm "$record"
    exit
fi
name=$1
began=$SECONDS
"${@:2}"
mkdir -p .build
printf '%d\t%s\n' $((SECONDS - began)) "$name" | tee -a "$record" | awk -F '\t' '{ printf "== %s: %d s\n", $2, $1 }'
