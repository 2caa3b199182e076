#!/bin/sh
# Proves from the ELF file itself that a program uses libc and nothing else, and prints what it found.
# Usage: scripts/check-libc-only.sh BINARY
set -eu
export LC_ALL=C

binary=${1:?usage: scripts/check-libc-only.sh BINARY}
[ -f "$binary" ] || { echo "$binary: no such file; build it with make" >&2; exit 1; }

needed=$(readelf -dW "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
if [ -z "$needed" ]; then
    interpreter=$(readelf -lW "$binary" | grep -c 'Requesting program interpreter' || true)
    if [ "$interpreter" != 0 ]; then
        echo "$binary: names no library but asks for a loader" >&2
        exit 1
    fi
    echo "$binary: static, needs no library at all ($(wc -c <"$binary") bytes)"
    exit 0
fi

strangers=$(echo "$needed" | grep -vxE 'libc\.so\.6|ld-linux[-_a-z0-9]*\.so\.[0-9]+' || true)
if [ -n "$strangers" ]; then
    echo "$binary: needs more than libc:" "$strangers" >&2
    exit 1
fi

# Every symbol that somebody else must provide carries a GLIBC version; the weak hooks of the C runtime may lack one.
undefined=$(readelf --dyn-syms -W "$binary" |
    awk '$7 == "UND" && $8 != "" && !($5 == "WEAK" && $8 !~ /@/) { print $8 }')
foreign=$(echo "$undefined" | grep -v '@GLIBC_' || true)
if [ -n "$foreign" ]; then
    echo "$binary: symbols that are not libc's:" "$foreign" >&2
    exit 1
fi
# shellcheck disable=SC2086  # one line for all names
echo "$binary: needs" $needed "and $(echo "$undefined" | wc -l) symbols of it, all of GLIBC"
