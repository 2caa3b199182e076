#!/usr/bin/env bash
# Do the others notice bad company? A room chats at a steady rate, once in peace and once beside a storm: thousands of
# half-open handshakes and of connections that are reset at once, clients that flood and clients that do not read. Then the
# same with few descriptors (ulimit -n 64). Fails where a message is lost, doubled or out of order, where somebody of the
# room is thrown out, where memory or connections do not come back, and with --strict where the p99 latency of the room is
# more than twice what it is in peace.
# Usage: scripts/check-storm.sh [--strict] [--rounds N] [--seconds N]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/pin.sh

out=build/bench
binary=${WSCHAT_BIN:-./wschat}
rounds=3
seconds=4
strict=0
server=
storm=

while [ $# -gt 0 ]; do
    case $1 in
    --strict) strict=1 ;;
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    esac
    shift
done

fail() {
    echo "check-storm: $1" >&2
    exit 1
}

stop() {
    local pid
    for pid in $storm $server; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    storm='' server=''
}
trap stop EXIT
trap 'exit 1' INT TERM

# start_server FILES: with so many descriptors at most.
start_server() {
    (ulimit -n "$1" && pin 0 "$binary" --port 0 --admin 127.0.0.1:0 --log-level warning --handshake-timeout 2 \
        --max-lag 256k) 2>"$out/storm.err" &
    server=$!
    for _ in $(seq 100); do
        port=$(sed -n 's,.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*,\1,p' "$out/storm.err")
        admin=$(sed -n 's,.* on \(http://127\.0\.0\.1:[0-9]*\)/.*,\1,p' "$out/storm.err" | tail -n 1)
        [ -z "$port" ] || [ "$(grep -c 'http://' "$out/storm.err")" -lt 2 ] || return 0
        sleep 0.05
    done
    fail "the server did not start: $(cat "$out/storm.err")"
}

# metric NAME: its value now.
metric() {
    curl -fsS --max-time 5 "$admin/metrics" | awk -v name="$1" '$1 == name { print $2 }'
}

# chat CLIENTS: the room for so many seconds; prints its p99 in microseconds.
chat() {
    local line
    line=$(pin 1 "$out/load" fanout --clients "$1" --senders 5 --rate 100 --size 1024 --seconds "$seconds" --warmup 1 \
        --port "$port" --pid "$server") || fail "the room was disturbed: $line"
    case $line in
    *order=same*) ;;
    *) fail "the room was disturbed: $line" ;;
    esac
    echo "$line" | tr ' ' '\n' | sed -n 's/^p99_us=//p'
}

# begin_storm HALF_OPEN RESET
begin_storm() {
    nice -n 10 "$out/storm" --port "$port" --half-open "$1" --reset "$2" --flood 1 --stall 1 \
        --seconds $((seconds + 1)) >"$out/storm.txt" 2>&1 &
    storm=$!
    sleep 0.2
}

end_storm() {
    wait "$storm" || fail "the storm failed: $(cat "$out/storm.txt")"
    storm=
    echo "  the storm: $(cat "$out/storm.txt")"
}

# All that the storm opened must be gone again, and the memory that it cost: a room that has been quiet for ten seconds
# gives back what it had for those who were behind.
expect_calm() {
    local before=$1 connections memory
    for _ in $(seq 100); do
        connections=$(metric wschat_connections)
        [ "$connections" != 1 ] || break # that of the question
        sleep 0.1
    done
    [ "$connections" = 1 ] || fail "$connections connections are still open"
    for _ in $(seq 150); do
        memory=$(metric process_resident_memory_bytes)
        [ $((memory - before)) -gt $((2 * 1024 * 1024)) ] || break
        sleep 0.1
    done
    echo "  resident memory: $((before / 1024)) KiB before, $((memory / 1024)) KiB afterwards"
    [ $((memory - before)) -le $((2 * 1024 * 1024)) ] || fail "memory does not come back"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# scenario NAME FILES CLIENTS HALF_OPEN RESET
scenario() {
    local calm=() rough=() before ratio
    echo "== $1: $3 clients, $4 half-open, $5 resets, one who floods, one who does not read"
    start_server "$2"
    chat "$3" >/dev/null
    before=$(metric process_resident_memory_bytes)
    for _ in $(seq "$rounds"); do
        calm+=("$(chat "$3")")
        begin_storm "$4" "$5"
        rough+=("$(chat "$3")")
        end_storm
    done
    expect_calm "$before"
    stop
    calm=("$(printf '%s\n' "${calm[@]}" | median)")
    rough=("$(printf '%s\n' "${rough[@]}" | median)")
    ratio=$(awk -v a="${rough[0]}" -v b="${calm[0]}" 'BEGIN { printf "%.2f", a / b }')
    echo "  p99 of the room: ${calm[0]} us in peace, ${rough[0]} us in the storm: $ratio times"
    [ $strict = 0 ] || awk -v r="$ratio" 'BEGIN { exit r > 2 }' || fail "that is more than twice"
}

[ -x "$binary" ] || fail "$binary is not there: build it with make"
scripts/bench.sh --build
scenario "storm" "$(ulimit -Hn)" 100 2000 2000
scenario "storm with ulimit -n 64" 64 20 2000 2000
echo "check-storm: passed"
