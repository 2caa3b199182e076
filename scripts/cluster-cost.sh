#!/usr/bin/env bash
# What sharing rooms costs: without Redis, and with 1, 2 and 4 nodes on this machine, with a room of 1 000 and 10 senders as
# fast as their window allows. Prints a table in Markdown: processor time of Redis for a message, and of all nodes
# together for a delivery. It takes about half a minute; nothing is left running. docs/scale.md has its figures.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<TEXT
usage: scripts/cluster-cost.sh [OPTION]...
  --clients N    who sit in the room (1000)
  --senders N    of them, how many send (10)
  --window N     messages that a sender has under way (1)
  --seconds N    that are measured (3)
  --nodes WORDS  how many nodes, in one argument ("0 1 2 4")
TEXT
}

clients=1000 senders=10 window=1 seconds=3 counts="0 1 2 4"
while [ $# -gt 0 ]; do
    case $1 in
    --clients) clients=$2 ;;
    --senders) senders=$2 ;;
    --window) window=$2 ;;
    --seconds) seconds=$2 ;;
    --nodes) counts=$2 ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
command -v redis-server redis-cli >/dev/null || { echo "redis-server is missing: scripts/bootstrap.sh" >&2; exit 1; }
scripts/bench.sh --build >/dev/null
make -s wschat

folder=$(mktemp -d)
pids=()
cleanup() {
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

# Seconds of processor time of these processes.
ticks() {
    for pid in "$@"; do awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$pid/stat"; done |
        awk -v hz="$(getconf CLK_TCK)" '{sum += $1} END {print sum / hz}'
}

# Messages that a node has told of: all of them, whoever took them.
messages() {
    for admin in "$@"; do curl -s "http://127.0.0.1:$admin/metrics"; done |
        awk '/^wschat_messages_total /{sum += $2} END {printf "%d\n", sum}'
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

measure() {
    local nodes=$1 port redis=() servers=() admins=() options=() load
    port=$(free_port)
    if [ "$nodes" -gt 0 ]; then
        redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --appendonly no --dir "$folder" >/dev/null &
        redis=($!)
        pids+=($!)
        until redis-cli -s "$folder/redis.sock" ping >/dev/null 2>&1; do :; done
        options=(--redis "unix:$folder/redis.sock" --reuse-port)
    fi
    for ((i = 0; i < (nodes > 0 ? nodes : 1); i++)); do
        admins+=("$(free_port)")
        ./wschat --port "$port" --rate 0 --rate-bytes 0 --log-level error --admin "127.0.0.1:${admins[-1]}" \
            "${options[@]}" 2>>"$folder/log" &
        servers+=($!)
        pids+=($!)
        until curl -sf "http://127.0.0.1:${admins[-1]}/healthz" >/dev/null; do :; done
    done
    build/bench/load fanout --port "$port" --pid "${servers[0]}" --clients "$clients" --senders "$senders" \
        --window "$window" --warmup 1 --seconds $((seconds + 2)) >"$folder/load" 2>&1 &
    load=$!
    pids+=("$load")
    # All are there once messages flow.
    until [ "$(messages "${admins[0]}")" -gt 100 ]; do kill -0 "$load" || { cat "$folder/load" >&2; exit 1; }; done
    local m0 c0 r0=0 m1 c1 r1=0
    m0=$(messages "${admins[0]}") c0=$(ticks "${servers[@]}")
    [ "$nodes" -eq 0 ] || r0=$(ticks "${redis[@]}")
    sleep "$seconds"
    m1=$(messages "${admins[0]}") c1=$(ticks "${servers[@]}")
    [ "$nodes" -eq 0 ] || r1=$(ticks "${redis[@]}")
    awk -v n="$nodes" -v m=$((m1 - m0)) -v c="$c0 $c1" -v r="$r0 $r1" -v k="$clients" -v t="$seconds" 'BEGIN {
        split(c, cpu); split(r, red)
        printf "| %s | %d | %s | %.0f |\n", n == 0 ? "1, without Redis" : n, m / t,
            n == 0 ? "" : sprintf("%.1f", (red[2] - red[1]) * 1e6 / m), (cpu[2] - cpu[1]) * 1e9 / m / k
    }'
    kill "$load" "${servers[@]}" "${redis[@]}" 2>/dev/null || true
    wait "$load" "${servers[@]}" "${redis[@]}" 2>/dev/null || true
}

echo "| nodes | messages/s | Redis, µs a message | nodes, ns a delivery |"
echo "|---|---|---|---|"
for nodes in $counts; do measure "$nodes"; done
