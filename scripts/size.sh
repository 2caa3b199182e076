#!/bin/sh
# Prints what the static program is made of, as a table of Markdown, and fails where it has grown beyond a limit.
# Usage: scripts/size.sh BUILD MAXIMUM   (make size calls it; MAXIMUM: bytes of the stripped file)
set -eu
export LC_ALL=C

build=${1:?usage: scripts/size.sh BUILD MAXIMUM}
maximum=${2:?how many bytes at most?}
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT

strip -o "$stripped" "$build/wschat"
total=$(wc -c <"$stripped")
pages=$(cat "$build"/static.gz/* | wc -c)

# Code by the folder that the debug information names; what names none is of libc. Names of one place count once.
{
    nm --print-size --line-numbers --radix=d --defined-only "$build/wschat" |
        awk -F '\t' '{ split($1, symbol, " ") }
            symbol[3] !~ /^[TtWw]$/ || seen[symbol[1]]++ { next }
            { part = "code: libc (musl) and the compiler'\''s help" }
            match($2, /src\/[a-z]+\//) { part = "code: " substr($2, RSTART, RLENGTH - 1) }
            { size[part] += symbol[2] }
            END { for (part in size) printf "%d\t%s\n", size[part], part }'
    size -A "$stripped" | awk -v pages="$pages" '$1 == ".rodata" { print $2 - pages "\ttexts, tables, scripts for Redis" }'
    printf '%d\tpages, scripts and styles, packed\n' "$pages"
} | sort -rn | awk -F '\t' -v total="$total" '
    BEGIN { print "| part | bytes | share |"; print "|---|---|---|" }
    function row(bytes, part) { printf "| %s | %d | %.1f %% |\n", part, bytes, 100 * bytes / total }
    { row($1, $2); rest -= $1 }
    END { row(total + rest, "headers, data, alignment"); row(total, "the stripped file") }'

if [ "$total" -gt "$maximum" ]; then
    echo "$build/wschat: $total bytes stripped, $maximum are allowed (SIZE_MAX in the Makefile)" >&2
    exit 1
fi
