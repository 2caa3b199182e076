#!/usr/bin/env bash
# Does anybody notice that the server becomes another process? Clients sit in rooms, some of them send, and the keeper hands
# all of them over, again and again. Prints for each hand-over how long the workers say that nobody was served, and the slowest
# message that a client saw. Fails where a connection ends, a message is lost, doubled, changed or out of order, where a pause
# is longer than --pause, or where memory does not come back.
# Usage: scripts/check-upgrade.sh [--clients N] [--senders N] [--rooms N] [--rate N] [--hand-overs N] [--pause MS]
#                                 [-- FURTHER OPTIONS OF build/bench/load, as --v1]
# WSCHAT_OPTIONS has further options of the server, as --deflate on.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/pin.sh

out=build/bench
binary=${WSCHAT_BIN:-./wschat}
clients=10000
senders=10
rooms=10
rate=50
hand_overs=20
pause=200
server=

while [ $# -gt 0 ]; do
    case $1 in
    --clients) clients=$2 && shift ;;
    --senders) senders=$2 && shift ;;
    --rooms) rooms=$2 && shift ;;
    --rate) rate=$2 && shift ;;
    --hand-overs) hand_overs=$2 && shift ;;
    --pause) pause=$2 && shift ;;
    --) shift && break ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    esac
    shift
done

fail() {
    echo "check-upgrade: $1" >&2
    exit 1
}

stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait
    server=
}
trap stop EXIT
trap 'exit 1' INT TERM

scripts/bench.sh --build
# shellcheck disable=SC2086  # they are several words
"$binary" --keeper --port 0 --admin 127.0.0.1:0 --max-clients $((clients + 100)) ${WSCHAT_OPTIONS-} 2>"$out/upgrade.err" &
server=$!
for _ in $(seq 100); do
    port=$(sed -n 's,.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*,\1,p' "$out/upgrade.err")
    admin=$(sed -n 's,.* on \(http://127\.0\.0\.1:[0-9]*\)/.*,\1,p' "$out/upgrade.err" | tail -n 1)
    [ -z "$port" ] || ! grep -q 'seccomp=' "$out/upgrade.err" || break
    sleep 0.05
done

# metric NAME: its value now.
metric() {
    curl -fsS --max-time 5 "$admin/metrics" | awk -v name="$1" '$1 == name { print $2 }'
}

memory() {
    metric process_resident_memory_bytes
}

# memory_behind N: that of the worker behind so many hand-overs, while all clients are there.
memory_behind() {
    until grep -q "^hand_over=$1 " "$out/upgrade.txt"; do
        kill -0 "$load" 2>/dev/null || return 0
        sleep 0.05
    done
    memory
}

# Each tenth of the time has its part of the hand-overs.
pin 1 "$out/load" fanout --clients "$clients" --senders "$senders" --rooms "$rooms" --rate "$rate" --seconds "$hand_overs" \
    --warmup 1 --hand-overs $(((hand_overs + 9) / 10)) --port "$port" --pid "$server" "$@" >"$out/upgrade.txt" &
load=$!
before=$(memory_behind 1)
after=$(memory_behind $((hand_overs - 1)))
wait "$load" || fail "somebody noticed: $(tail -n 1 "$out/upgrade.txt"; tail -n 3 "$out/upgrade.err")"
case $(tail -n 1 "$out/upgrade.txt") in
*order=same*) ;;
*) fail "somebody noticed: $(tail -n 1 "$out/upgrade.txt")" ;;
esac

sed -n 's/.*took over.*connections=\([0-9]*\) bytes=\([0-9]*\) pause_ms=\([0-9.]*\)/\1 \2 \3/p' "$out/upgrade.err" >"$out/upgrade.pauses"
sed -n 's/^hand_over=.*slowest_ms=//p' "$out/upgrade.txt" | paste -d' ' "$out/upgrade.pauses" - | awk -v max="$pause" '
    { printf "hand-over %2d: %d connections, %d bytes; nobody was served for %.1f ms, the slowest message took %.1f ms\n", NR, $1, $2, $3, $4 }
    $3 > worst { worst = $3 }
    $4 > slowest { slowest = $4 }
    END {
        printf "%d hand-overs; longest pause %.1f ms, slowest message %.1f ms\n", NR, worst, slowest
        exit worst > max
    }' || fail "a pause is longer than $pause ms"
[ "$(wc -l <"$out/upgrade.pauses")" = "$(grep -c '^hand_over=' "$out/upgrade.txt")" ] ||
    fail "not every hand-over took place: $(grep 'nobody' "$out/upgrade.err" | head -n 3)"
tail -n 1 "$out/upgrade.txt"
echo "resident memory: $((before / 1024)) KiB behind the first hand-over, $((after / 1024)) KiB behind the last but one"
[ $((after - before)) -le $((2 * 1024 * 1024)) ] || fail "memory does not come back"
