#!/bin/sh
# Runs libFuzzer targets for a while, each over a copy of its corpus.  What crashes is kept in BUILD/crashes/.
# Usage: scripts/fuzz.sh BUILD SECONDS TARGET...   (make fuzz calls it)
set -eu
cd "$(dirname "$0")/.."

build=${1:?usage: scripts/fuzz.sh BUILD SECONDS TARGET...}
seconds=${2:?how many seconds for each target?}
shift 2
mkdir -p "$build/crashes"
for target in "$@"; do
    corpus=$build/corpus/$target
    log=$build/fuzz-$target.log
    mkdir -p "$corpus"
    cp -f "tests/fuzz/corpus/$target"/* "$corpus/"
    echo "== fuzz $target for $seconds s"
    if ! "$build/fuzz-$target" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$target-" "$corpus" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz $target: FAILED; the input lies in $build/crashes/" >&2
        exit 1
    fi
    grep -E '^(stat::number_of_executed_units|Done )' "$log" | tail -n 1
done
