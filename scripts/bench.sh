#!/usr/bin/env bash
# Measures wschat beside the floor (the cheapest server that makes the same sends) and beside peers that are
# installed (scripts/bootstrap.sh --bench). Each run starts servers on one core, drives them from another, and stops them.
# wschat and the floor that it is compared with are both there in one run, and are driven by turns of some 100 ms; the
# others run alone, one after the other, round after round. Results, a table and a chart go to build/bench/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/pin.sh

out=build/bench
bench=tests/bench
rounds=5
seconds=1
only=
against=all
server_core=0
load_core=1
growth=0
only_build=0
before=
chart=$out/performance.svg
document=

usage() {
    cat <<TEXT
usage: scripts/bench.sh [OPTION]...
  --quick           3 rounds of half a second
  --rounds N        how often each server takes its turn ($rounds)
  --seconds N       that one run measures ($seconds)
  --only WORDS      works to do, by name, in one argument (all; --list names them)
  --servers WORDS   servers to measure (all that are installed): floor-plain floor-batch floor-defer wschat journal-interval journal-always bun ws lws fastapi
                    socket-readers event-readers; of those that compress: v1-plain v1-deflate ws-deflate ws-once bun-deflate bun-context
  --before BINARY   compares wschat with another build of it, by turns, in place of the floor and the peers
  --growth          how the cost grows with clients, sizes and rooms, in place of the table
  --cores A,B       where the server and the load generator run ($server_core,$load_core)
  --doc             puts table and chart into docs/performance.md and docs/performance.svg
  --list            the works
  --build           builds the load generator, the floor and the tools of scripts/check-storm.sh and strangers.sh
TEXT
}

# name | options of the load generator | further options of wschat | the servers, first of all the floor that wschat is
# compared with
peers="bun ws lws fastapi"
deflate_servers="v1-plain v1-deflate ws-deflate bun-deflate bun-context"
batch_servers="floor-batch wschat floor-plain $peers"
works() {
    cat <<TEXT
room-1000x10|fanout --clients 1000 --senders 10||$batch_servers
room-200x100|fanout --clients 200 --senders 100 --window 8||$batch_servers
room-1000x1|fanout --clients 1000 --senders 1||floor-plain wschat
open-1000x60|fanout --clients 1000 --senders 1 --rate 60||floor-plain wschat
room-500x10-4k|fanout --clients 500 --senders 10 --size 4096|--max-lag 64m|floor-batch wschat
room-500x1-64k|fanout --clients 500 --senders 1 --size 65536|--max-lag 64m --max-message 1m|floor-batch wschat
v1-1000x10|fanout --clients 1000 --senders 10 --v1|--presence-limit 1|$deflate_servers ws-once
v1-1000x1|fanout --clients 1000 --senders 1 --v1|--presence-limit 1|$deflate_servers ws-once
events-1000x10|fanout --clients 1010 --senders 10 --v1||socket-readers event-readers
events-1000x1|fanout --clients 1001 --senders 1 --v1||socket-readers event-readers
echo-64|echo --clients 50 --window 4||$batch_servers
echo-256-deflate|echo --clients 50 --window 4 --size 256 --deflate||$deflate_servers
echo-1m|echo --clients 4 --size 1048576|--max-message 32m --max-lag 64m|floor-batch wschat $peers
echo-16m|echo --clients 2 --size 16777216|--max-message 32m --max-lag 64m|floor-batch wschat
echo-16m-languages|echo --clients 2 --size 16777216 --languages|--max-message 32m --max-lag 64m|floor-batch wschat ws
connect|connect --clients 5000||floor-batch wschat $peers
connect-deferred|connect --clients 5000|--defer-accept on|floor-defer wschat
churn|churn --clients 100||floor-batch wschat $peers
idle|connect --clients 10000||floor-batch wschat $peers
journal-interval|fanout --clients 1000 --senders 10||wschat journal-interval
journal-always|fanout --clients 200 --senders 100 --window 8||wschat journal-always
TEXT
}

growth_works() {
    local n
    for n in 10 100 1000 5000 19000; do
        echo "clients-$n|fanout --clients $n --senders 1||floor-plain wschat"
    done
    for n in 16 64 256 1024 4096 16384 65536 262144 1048576; do
        echo "size-$n|fanout --clients 100 --senders 1 --size $n|--max-message 2m --max-lag 64m|floor-plain wschat"
    done
    for n in 1 10 100 1000; do
        echo "rooms-$n|fanout --clients 2000 --senders $n --rooms $n||wschat"
    done
}

while [ $# -gt 0 ]; do
    case $1 in
    --quick) rounds=3 seconds=0.5 ;;
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --only) only=$2 && shift ;;
    --servers) against=$2 && shift ;;
    --before) before=$2 && shift ;;
    --growth) growth=1 ;;
    --cores) server_core=${2%,*} load_core=${2#*,} && shift ;;
    --doc) chart=docs/performance.svg document=docs/performance.md ;;
    --build) only_build=1 ;;
    --list) works | cut -d '|' -f 1,2 | tr '|' '\t' && exit ;;
    --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

has_word() {
    case " $1 " in
    *" $2 "*) return 0 ;;
    *) return 1 ;;
    esac
}

# ---- Building ----

build() {
    local cc=${CC:-cc} flags
    # shellcheck disable=SC2206  # a list of words
    flags=(-std=c11 -D_GNU_SOURCE ${CFLAGS:--O2 -g} -Iinclude)
    "$cc" "${flags[@]}" $bench/load.c $bench/session.c $bench/crowd.c $bench/hist.c $bench/proc.c \
        $bench/v1.c src/proto/ws/frame.c -lz -o $out/load
    "$cc" "${flags[@]}" $bench/packing.c src/proto/ws/deflate.c src/proto/ws/deflate_block.c \
        src/proto/ws/deflate_format.c src/base/buf.c src/base/crc32c.c src/base/hand.c -lz -o $out/packing
    "$cc" "${flags[@]}" $bench/storm.c src/proto/ws/frame.c -o $out/storm
    "$cc" "${flags[@]}" $bench/strangers.c src/proto/ws/frame.c -o $out/strangers
    "$cc" "${flags[@]}" $bench/floor.c src/base/sha1.c src/base/base64.c -o $out/floor
    if [ -e /usr/include/libwebsockets.h ]; then
        "$cc" "${flags[@]}" $bench/peers/lws_room.c -lwebsockets -o $out/lws_room
    fi
}

# ---- Servers ----

bun_binary() {
    local file
    for file in "$out"/peers/node_modules/.bin/bun "$out"/peers/node_modules/@oven/*/bin/bun; do
        if [ -x "$file" ]; then
            echo "$file"
            return
        fi
    done
}

python=/usr/bin/python3

is_installed() {
    case $1 in
    floor-*) ;;
    wschat | v1-plain | v1-deflate | journal-* | *-readers) [ -x ./wschat ] ;;
    before) [ -x "$before" ] ;;
    bun | bun-*) [ -n "$(bun_binary)" ] ;;
    ws | ws-*) command -v node >/dev/null && [ -d $out/peers/node_modules/ws ] ;;
    lws) [ -x $out/lws_room ] ;;
    fastapi) $python -c 'import fastapi, uvicorn, websockets' 2>/dev/null ;;
    *) return 1 ;;
    esac
}

# Sets the array `command` to what starts the server: name, wschat's further options, the load's mode.
set_command() {
    local binary=./wschat
    case $1 in
    floor-*) command=("$out/floor" "${1#floor-}") ;;
    wschat | v1-plain | v1-deflate | before | journal-* | *-readers)
        [ "$1" != before ] || binary=$before
        # shellcheck disable=SC2206  # a list of words
        command=("$binary" --port 0 --rate 0 --max-clients 19900 --log-level warning $2)
        ! "$binary" --help | grep -q -- --rate-bytes || command+=(--rate-bytes 0)
        [ "$1" != v1-deflate ] || command+=(--deflate on)
        case $1 in
        *-readers) command+=(--token-key "$out/keys" --anonymous "sub,pub") ;;
        journal-*)
            rm -rf "$out/journal"
            command+=(--journal "$out/journal" --journal-sync "${1#journal-}")
            ;;
        esac
        [ "$3" != echo ] || command+=(--echo verbatim)
        ;;
    bun | bun-*) command=("$(bun_binary)" "$bench/peers/bun_room.js" "${1#bun-}") ;;
    ws | ws-*) command=(env "NODE_PATH=$out/peers/node_modules" node "$bench/peers/ws_room.js" "${1#ws-}") ;;
    lws) command=("$out/lws_room") ;;
    fastapi) command=("$python" "$bench/peers/fastapi_room.py") ;;
    esac
}

running=() # processes of servers

stop_servers() {
    [ ${#running[@]} -gt 0 ] || return 0
    kill "${running[@]}" 2>/dev/null || true
    wait "${running[@]}" 2>/dev/null || true
    running=()
}
trap stop_servers EXIT
trap 'exit 1' INT TERM

# Starts the array `command`; adds it to `running` and sets `port`, or fails.
start_server() {
    local tries out=$out/server.${#running[@]}
    port=
    (pin "$server_core" "${command[@]}") >"$out.out" 2>"$out.err" 9>&- &
    running+=($!)
    for tries in $(seq 100); do
        sleep 0.05
        port=$(sed -n 's,.*http://127\.0\.0\.1:\([0-9]*\).*,\1,p' "$out.err" | head -n 1)
        [ -z "$port" ] || return 0
        kill -0 "${running[-1]}" 2>/dev/null || break
    done
    echo "$1 did not start (waited ${tries:-0} times): $(head -n 3 "$out.err")" >&2
    return 1
}

# ---- Runs ----

# Measures one server, or two by turns.
measure() { # work, round, load's options, wschat's options, servers
    local one options line lines
    # shellcheck disable=SC2206  # a list of words
    options=($3 --seconds "$seconds")
    [ "$5" != fastapi ] || options+=(--all)
    case $5 in
    ws | ws-* | lws | fastapi)
        options+=(--warmup 1 --seconds 2)
        case $1 in connect | idle) options+=(--clients 2000) ;; esac
        ;;
    esac
    for one in $5; do
        set_command "$one" "$4" "${3%% *}"
        start_server "$one" || { stop_servers && return 0; }
        options+=(--port "$port" --pid "${running[-1]}")
        [ "$one" != event-readers ] || options+=(--events)
    done
    lines=$(pin "$load_core" timeout 120 $out/load "${options[@]}") || true
    stop_servers
    [ "$(wc -l <<<"$lines")" = "$(wc -w <<<"$5")" ] || lines= # it was cut off
    for one in $5; do
        line=${lines%%$'\n'*}
        lines=${lines#*$'\n'}
        echo "work=$1 server=$one round=$2 $line" >>$out/results.txt
        printf '%-16s %-12s %2d  %s\n' "$1" "$one" "$2" "$(echo "$line" | tr ' ' '\n' |
            grep -E '^(cpu_us|per_second|p99_us|bytes_per_client|bottleneck|order|why)=' | tr '\n' ' ')" >&2
    done
}

is_wanted() {
    { [ "$against" = all ] || has_word "$against" "$1"; } && is_installed "$1"
}

run_round() {
    local name options extra servers one pair
    while IFS='|' read -r name options extra servers <&3; do
        [ -z "$only" ] || has_word "$only" "$name" || continue
        pair=
        [ -z "$before" ] || servers="before wschat"
        case $name:$servers in
        idle:* | clients-19000:*) ;; # twice as many descriptors are more than there may be
        *:before\ wschat) pair=$servers ;;
        *:v1-plain\ v1-deflate*) ! is_wanted v1-plain || ! is_wanted v1-deflate || pair="v1-plain v1-deflate" ;;
        *:socket-readers\ event-readers) ! is_wanted socket-readers || ! is_wanted event-readers || pair=$servers ;;
        *:wschat\ journal-*) ! is_wanted wschat || ! is_wanted "${servers#* }" || pair=$servers ;;
        *:floor-*\ wschat*) ! is_wanted "${servers%% *}" || ! is_wanted wschat || pair="${servers%% *} wschat" ;;
        esac
        [ -z "$pair" ] || measure "$name" "$1" "$options" "$extra" "$pair"
        for one in $servers; do
            if has_word "$pair" "$one" || ! is_wanted "$one"; then continue; fi
            measure "$name" "$1" "$options" "$extra" "$one"
        done
    done 3< <(if [ $growth = 1 ]; then growth_works; else works; fi)
}

# What one fdatasync of a few bytes takes on the disk of the journals.
time_sync() {
    $python - "$out/sync" <<'TEXT'
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
times = []
for _ in range(101):
    os.write(fd, bytes(100))
    begin = time.perf_counter()
    os.fdatasync(fd)
    times.append(time.perf_counter() - begin)
os.unlink(sys.argv[1])
times.sort()
print(f"{times[50] * 1e6:.0f} µs (median of 101; the slowest {times[100] * 1e6:.0f} µs)")
TEXT
}

describe_machine() {
    echo "machine=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
    echo "kernel=$(uname -sr)"
    echo "compiler=$(${CC:-cc} --version | head -n 1)"
    if is_installed bun; then echo "bun=$("$(bun_binary)" --version)"; fi
    if is_installed ws; then
        echo "node=$(node --version)"
        echo "ws=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' $out/peers/node_modules/ws/package.json)"
    fi
    if is_installed fastapi; then echo "fastapi=$($python -c 'import fastapi; print(fastapi.__version__)')"; fi
    if is_installed lws; then
        echo "lws=$(sed -n 's/^#define LWS_LIBRARY_VERSION "\(.*\)"/\1/p' /usr/include/lws_config.h | head -n 1)"
    fi
    if [ -x $python ]; then echo "one fdatasync=$(time_sync)"; fi
    echo "rounds=$rounds"
}

mkdir -p $out
exec 9>$out/lock
flock 9 # two at a time would measure each other
build
[ $only_build = 0 ] || exit 0
ulimit -n "$(ulimit -Hn)"
(umask 077 && head -c 32 /dev/urandom | base64 >$out/keys)
describe_machine >$out/machine.txt
: >$out/results.txt
for round in $(seq "$rounds"); do
    run_round "$round"
done
if command -v python3 >/dev/null; then
    python3 $bench/report.py $out/results.txt $out/machine.txt "$chart" ${document:+"$document"} | tee $out/table.md
else
    echo "no python3: the raw results are in $out/results.txt" >&2
fi
