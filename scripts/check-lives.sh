#!/usr/bin/env bash
# Does anybody notice hand-overs, whatever he is doing? Sixty people with random lives, and others who ask for pages in
# pieces, at a server that becomes another process a few times a second: without a log on disk, with compression, with a
# journal in each mode, and with Redis.
# Usage: scripts/check-lives.sh [--seconds N] [--seed N] [KIND...]   kinds: memory deflate always interval never redis (all)
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${WSCHAT_BIN:-./wschat}
seconds=5
seed=$RANDOM
redis=

while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    -*) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done

for python in python3 /usr/bin/python3; do # another one may stand before the one that has Debian's modules
    ! $python -c 'import websockets' 2>/dev/null || break
    [ "$python" = python3 ] || { echo "check-lives: Python's websockets is missing: run scripts/bootstrap.sh" >&2 && exit 1; }
done

work=$(mktemp -d)
stop() {
    [ -z "$redis" ] || kill "$redis" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

start_redis() {
    redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" >/dev/null &
    redis=$!
    for _ in $(seq 100); do
        [ ! -S "$work/redis.sock" ] || return 0
        sleep 0.05
    done
    echo "check-lives: redis-server did not start" >&2
    exit 1
}

[ $# -gt 0 ] || set -- memory deflate always interval never redis
for kind in "$@"; do
    options=()
    case $kind in
    memory) ;;
    deflate) options=(--deflate on) ;;
    always | interval | never) options=(--journal "$work/$kind" --journal-sync "$kind") ;;
    redis) start_redis && options=(--redis "unix:$work/redis.sock") ;;
    *) echo "check-lives: there is no $kind" >&2 && exit 2 ;;
    esac
    printf '%-9s seed %5d: ' "$kind" "$seed"
    $python tests/integration/lives.py --binary "$binary" --log "$work/log" --seconds "$seconds" --seed "$seed" \
        ${options[@]+"${options[@]}"} || { tail -n 5 "$work/log" && exit 1; }
done
