#!/bin/sh
# Checks how many calls lie between either half of the tick and a call of the system: at most 9, so that a reader who
# follows a message or a close need not jump more often. Needs gcc, which writes the call graphs, and python3.
# Usage: scripts/check-depth.sh [-v]   -v: all chains, not only those that are too long
set -eu
cd "$(dirname "$0")/.."

most=9
graphs=build/depth
export CCACHE_DISABLE=1 # it brings back objects, but no graphs

# write_graphs SOURCE...
write_graphs() {
    for source; do
        "${GCC:-gcc}" -std=c11 -D_GNU_SOURCE -Iinclude -Ibuild/release -DWSCHAT_VERSION='""' \
            -DWSCHAT_STATIC_DIR='"static"' -O0 -w -fcallgraph-info -c \
            -o "$graphs/$(echo "$source" | tr / _).o" "$source"
    done
}

if [ "${1-}" = --write ]; then
    shift
    write_graphs "$@"
    exit
fi

rm -rf $graphs
mkdir -p $graphs
find src -name '*.c' ! -path 'src/cli/*' -print0 | xargs -0 -P 2 -n 8 scripts/check-depth.sh --write
[ "$(find $graphs -name "*.o" | wc -l)" = "$(find $graphs -name "*.ci" | wc -l)" ] ||
    { echo "some graphs are missing: is it gcc?" >&2; exit 1; }
for half in tick_read tick; do
    DEPTH_FLAGS=${1-} python3 scripts/lib/call_depth.py $half $most $graphs/*.ci
done
