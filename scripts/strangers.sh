#!/usr/bin/env bash
# What one stranger, and fifty, can do to the others: a room of twenty chats at a steady rate while strangers make the
# server work, one kind of work after the other (tests/bench/strangers.c has the kinds). Prints a table: how many times the
# p50 and the p99 of the room's messages are what they are in peace, by turns in one run. With --old BINARY the same for
# another build beside it. Fails where the room loses a message or somebody of it is thrown out.
# Usage: scripts/strangers.sh [--old BINARY] [--rounds N] [--seconds N] [--only "KIND..."] [--strict RATIO]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/pin.sh

out=build/bench
binary=${WSCHAT_BIN:-./wschat}
old=
rounds=3
seconds=3
only=
strict=
server=
strangers=

while [ $# -gt 0 ]; do
    case $1 in
    --old) old=$2 ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --only) only=$2 ;;
    --strict) strict=$2 ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    esac
    shift 2
done

fail() {
    echo "strangers: $1" >&2
    exit 1
}

stop() {
    local pid
    for pid in $strangers $server; do
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    strangers='' server=''
}
trap stop EXIT
trap 'exit 1' INT TERM

start_server() {
    : >"$out/strangers.err" # or the port of the one before is read
    (pin 0 "$1" --port 0 --log-level warning) 2>"$out/strangers.err" &
    server=$!
    for _ in $(seq 100); do
        port=$(sed -n 's,.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*,\1,p' "$out/strangers.err")
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    fail "the server did not start: $(cat "$out/strangers.err")"
}

# chat: the room for some seconds; prints its p50 and p99 in microseconds.
chat() {
    local line
    line=$(pin 1 "$out/load" fanout --clients 20 --senders 5 --rate 100 --size 128 --seconds "$seconds" --warmup 1 \
        --port "$port" --pid "$server") || fail "$kind x $count: the room was disturbed: $line"
    case $line in
    *order=same*) ;;
    *) fail "$kind x $count: the room was disturbed: $line" ;;
    esac
    echo "$line" | tr ' ' '\n' | sed -n 's/^p50_us=//p; s/^p99_us=//p' | paste -sd ' '
}

# one BINARY: a fresh server, the room in peace and beside the strangers, by turns; prints the two ratios, medians.
one() {
    local calm rough
    start_server "$1"
    for _ in $(seq "$rounds"); do
        calm=$(chat)
        nice -n 5 "$out/strangers" --port "$port" --kind "$kind" --count "$count" --seconds $((seconds + 2)) \
            >"$out/strangers.txt" 2>&1 &
        strangers=$!
        sleep 0.3
        rough=$(chat)
        wait "$strangers" || fail "the strangers failed: $(cat "$out/strangers.txt")"
        strangers=
        echo "$calm $rough"
    done | awk '{ print $3 / $1, $4 / $2 }' >"$out/strangers.ratios"
    stop
    for column in 1 2; do
        sort -n -k "$column,$column" "$out/strangers.ratios" |
            awk -v c="$column" '{ v[NR] = $c } END { printf "%.1f ", v[int((NR + 1) / 2)] }'
    done
}

[ -x "$binary" ] || fail "$binary is not there: build it with make"
scripts/bench.sh --build
head='| work | strangers | p50 | p99 |' line='|---|---|---|---|'
[ -z "$old" ] || head='| work | strangers | p50 before | p99 before | p50 | p99 |' line='|---|---|---|---|---|---|'
printf '%s\n%s\n' "$head" "$line"
worst=0
for kind in ${only:-$("$out/strangers" --list)}; do
    for count in 1 50; do
        before=()
        [ -z "$old" ] || read -r -a before <<<"$(one "$old")"
        read -r -a after <<<"$(one "$binary")"
        printf '| %s | %s |' "$kind" "$count"
        printf ' %s |' ${before[@]+"${before[@]}"} "${after[@]}"
        printf '\n'
        worst=$(awk -v a="$worst" -v b="${after[1]}" 'BEGIN { print (a > b ? a : b) }')
    done
done
[ -z "$strict" ] || awk -v w="$worst" -v s="$strict" 'BEGIN { exit (w > s) }' || fail "the worst p99 is $worst times calm"
