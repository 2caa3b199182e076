#!/usr/bin/env bash
# Three nodes of one chat on this machine, for trying it out: a redis-server, ./wschat three times, and HAProxy in front.
# Ctrl-C ends all of them, and leaves nothing behind.
#
# Usage: scripts/cluster.sh [--port PORT] [--nodes N] [--check]
#   --port PORT   where HAProxy listens, on 127.0.0.1 (8000)
#   --nodes N     1 to 9 (3)
#   --check       tries it, says whether it works, and ends
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin

port=8000 nodes=3 check=
while [ $# -gt 0 ]; do
    case $1 in
    --port) port=$2 && shift ;;
    --nodes) nodes=$2 && shift ;;
    --check) check=1 ;;
    --help) sed -n 's/^# \{0,1\}//; 2,8p' "$0" && exit 0 ;;
    *) sed -n 's/^# \{0,1\}//; 2,8p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
[[ $nodes =~ ^[1-9]$ ]] || { echo "cluster: --nodes is 1 to 9" >&2; exit 2; }
for program in redis-server redis-cli haproxy curl; do
    command -v "$program" >/dev/null || { echo "cluster: $program is missing: scripts/bootstrap.sh" >&2; exit 1; }
done
binary=${WSCHAT_BIN:-./wschat}
[ -x "$binary" ] || make -s

work=$(mktemp -d)
chmod 700 "$work"
pids=()
cleanup() {
    trap - INT TERM
    # The nodes first: they give their leases up.
    kill "${servers[@]}" 2>/dev/null || true
    wait "${servers[@]}" 2>/dev/null || true
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
servers=()
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# until_true WHO COMMAND...: waits for it, as long as that process lives.
until_true() {
    local pid=$1
    shift
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || { cat "$work"/*.log >&2; exit 1; }
        sleep 0.02
    done
}

redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save "" --appendonly yes \
    --maxmemory-policy noeviction >"$work/redis.log" 2>&1 &
pids+=($!)
until_true $! redis-cli -s "$work/redis.sock" ping

for ((i = 1; i <= nodes; i++)); do
    "$binary" --listen "unix:$work/node$i.sock" --redis "unix:$work/redis.sock" --node "node$i" \
        --trusted-proxy unix 2>"$work/node$i.log" &
    servers+=($!)
    until_true $! curl -sf --unix-socket "$work/node$i.sock" http://localhost/healthz
done

{
    cat <<CFG
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 60s
frontend web
    bind $work/haproxy.sock
$([ -n "$check" ] || echo "    bind 127.0.0.1:$port")
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /healthz
    option redispatch
    http-request set-header X-Forwarded-For %[src]
    http-request del-header Forwarded
CFG
    for ((i = 1; i <= nodes; i++)); do echo "    server node$i unix@$work/node$i.sock check inter 1s"; done
} >"$work/haproxy.cfg"
haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
pids+=($!)
until_true $! curl -sf --unix-socket "$work/haproxy.sock" http://localhost/healthz

if [ -n "$check" ]; then
    echo "said at the first" | "$binary" join "unix:$work/node1.sock" --room check --json >"$work/first"
    grep -q '"text":"said at the first"' "$work/first" || { echo "cluster: it was not taken" >&2; exit 1; }
    for ((i = 1; i <= nodes; i++)); do
        "$binary" join "unix:$work/node$i.sock" --room check --json </dev/null >"$work/heard"
        grep -q '"text":"said at the first"' "$work/heard" || { echo "cluster: node $i has not heard" >&2; exit 1; }
    done
    "$binary" join "unix:$work/haproxy.sock" --room check --json </dev/null >"$work/heard"
    grep -q '"text":"said at the first"' "$work/heard" || { echo "cluster: nothing came by HAProxy" >&2; exit 1; }
    echo "cluster: $nodes nodes share a room, and HAProxy leads to them"
    exit 0
fi
echo "cluster: http://127.0.0.1:$port/ leads to $nodes nodes; their logs are in $work; Ctrl-C ends all"
tail -q -n +1 -F "$work"/node*.log &
pids+=($!)
wait -n "${pids[@]}" "${servers[@]}"
