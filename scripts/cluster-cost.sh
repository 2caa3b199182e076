#!/usr/bin/env bash
# What sharing rooms costs: a server without Redis, and beside it 1, 2 and 4 nodes on this machine that share a port, in
# one and the same room of 1 000. The load generator drives both by turns of some 100 ms, so that what else the machine
# does touches both alike. All servers share one core, the generator and Redis another: nodes that ran at the same time
# would be charged for waiting for one another and for the generator. Prints a table in Markdown of processor time: of
# Redis for a message, of all nodes together for a delivery, and the latter as a multiple of the server without Redis.
# Nothing is left running. docs/scale.md has its figures.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/pin.sh

usage() {
    cat <<TEXT
usage: scripts/cluster-cost.sh [OPTION]...
  --clients N    who sit in the room (1000)
  --senders N    of them, how many send (10)
  --window N     messages that a sender has under way (8)
  --rate N       messages a second of all senders, in place of the window
  --rooms N      over which they are spread (1)
  --seconds N    that each is measured (3)
  --rounds N     how often (3); the table has the median
  --nodes WORDS  how many nodes, in one argument ("1 2 4")
TEXT
}

clients=1000 senders=10 pace=(--window 8) rooms=1 seconds=3 rounds=3 counts="1 2 4"
while [ $# -gt 0 ]; do
    case $1 in
    --clients) clients=$2 ;;
    --senders) senders=$2 ;;
    --window) pace=(--window "$2") ;;
    --rate) pace=(--rate "$2") ;;
    --rooms) rooms=$2 ;;
    --seconds) seconds=$2 ;;
    --rounds) rounds=$2 ;;
    --nodes) counts=$2 ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
for program in redis-server redis-cli curl python3; do
    command -v "$program" >/dev/null || { echo "$program is missing: scripts/bootstrap.sh" >&2; exit 1; }
done
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

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start PORT [OPTION]...: a server; its process is the last of $pids.
start() {
    local port=$1 admin
    shift
    admin=$(free_port)
    (pin 0 ./wschat --port "$port" --rate 0 --rate-bytes 0 --log-level error --admin "127.0.0.1:$admin" "$@") 2>>"$folder/log" &
    pids+=($!)
    until curl -sf "http://127.0.0.1:$admin/healthz" >/dev/null; do
        kill -0 "${pids[-1]}" || { cat "$folder/log" >&2; exit 1; }
    done
}

# The value of a key in the line of a server.
value() {
    sed -n "$1p" "$folder/load" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

measure() {
    local nodes=$1 alone shared load=()
    alone=$(free_port)
    start "$alone"
    load=(--port "$alone" --pid "${pids[-1]}")
    shared=$(free_port)
    (pin 1 redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --appendonly no --dir "$folder") >/dev/null &
    pids+=($!)
    local redis=$!
    until redis-cli -s "$folder/redis.sock" ping >/dev/null 2>&1; do kill -0 "$redis"; done
    for ((i = 0; i < nodes; i++)); do
        start "$shared" --redis "unix:$folder/redis.sock" --reuse-port
        if [ "$i" -eq 0 ]; then load+=(--port "$shared" --pid "${pids[-1]}"); else load+=(--node "${pids[-1]}"); fi
    done
    (pin 1 build/bench/load fanout "${load[@]}" --redis "$redis" --clients "$clients" --senders "$senders" --rooms "$rooms" \
        "${pace[@]}" --seconds "$seconds") >"$folder/load" || { cat "$folder/load" >&2; exit 1; }
    awk -v n="$nodes" -v k="$((clients / rooms))" -v a="$(value 1 cpu_us) $(value 1 per_second)" \
        -v b="$(value 2 cpu_us) $(value 2 per_second) $(value 2 redis_us)" 'BEGIN {
        split(a, one); split(b, all)
        print n, one[2] / k, one[1] * 1000, all[2] / k, all[3] * k, all[1] * 1000, all[1] / one[1]
    }' >>"$folder/results"
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    pids=()
}

for ((round = 0; round < rounds; round++)); do
    for nodes in $counts; do measure "$nodes"; done
done
echo "| nodes | messages/s without Redis | with | Redis, µs a message | without Redis, ns a delivery | all nodes, ns a delivery | ratio |"
echo "|---|---|---|---|---|---|---|"
python3 - "$folder/results" <<'PYTHON'
import statistics
import sys

rows = [[float(word) for word in line.split()] for line in open(sys.argv[1])]
for nodes in sorted({row[0] for row in rows}):
    _, alone, one, shared, redis, every, ratio = (
        statistics.median(column) for column in zip(*(row for row in rows if row[0] == nodes)))
    print(f"| {nodes:.0f} | {alone:.0f} | {shared:.0f} | {redis:.1f} | {one:.0f} | {every:.0f} | {ratio:.2f} |")
PYTHON
