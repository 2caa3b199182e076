#!/usr/bin/env bash
# How long does a start take that finds a full journal, and how much memory? People in twenty rooms say so many messages,
# which are all kept; then the server is killed and started again, a few times, and once without a journal to compare.
# Usage: scripts/check-recovery.sh [--messages N] [--starts N]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${WSCHAT_BIN:-./wschat}
messages=1000000
starts=3

while [ $# -gt 0 ]; do
    case $1 in
    --messages) messages=$2 && shift ;;
    --starts) starts=$2 && shift ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    esac
    shift
done

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" || true; rm -rf "$folder"' EXIT
limits=(--history 100000 --history-memory 1000m)

python3 tests/integration/kills.py --binary "$binary" --folder "$folder/journal" --rooms 20 --kills 1 --messages "$messages" \
    --sync interval --seed 1 -- "${limits[@]}"
"$binary" journal verify "$folder/journal"

# start WHAT OPTION...: tells how long it took until it listened, the processor's share of that, and its peak memory; then kills it.
start() {
    local began=${EPOCHREALTIME/./} spent peak busy what=$1
    shift
    mkfifo "$folder/log"
    "$binary" --port 0 "${limits[@]}" "$@" 2>"$folder/log" &
    server=$!
    grep -q -m 1 'listening on' <"$folder/log"
    spent=$((${EPOCHREALTIME/./} - began))
    peak=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$server/status")
    busy=$(awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/$server/stat")
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    server=
    rm "$folder/log"
    echo "$what: $((spent / 1000)) ms ($busy of the processor), $peak MiB at most"
}

for ((i = 0; i < starts; i++)); do
    start "start with the journal" --journal "$folder/journal"
done
start "start without"
