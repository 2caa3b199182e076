#!/bin/sh
# Checks the layers: the folders of src and include, and for each of them those that it may use. A .c includes its own
# header first; every header compiles alone; no file uses, by however many others, itself.
# Usage: scripts/check-layers.sh   (CC picks the compiler)
set -eu
cd "$(dirname "$0")/.."

# LAYER: those whose headers its files may include, besides its own.
uses="
base:
proto:   base
auth:    base proto
out:     base
log:     base proto
chat:    base proto auth out log
net:     base out
session: base proto net
web:     base proto auth net chat session
server:  base proto auth log net chat session web cli
cli:     base proto auth log
"
compiler=${CC:-cc}
failed=0
files=0

complain() {
    echo "$1" >&2
    failed=1
}

# The layers that a layer may use, its own among them; nothing for a folder that is no layer.
used_by() {
    echo "$uses" | sed -n "s/^$1: */$1 /p"
}

layer_of() {
    path=${1#*/}
    echo "${path%%/*}"
}

check_includes() {
    own=$(layer_of "$1")
    allowed=$(used_by "$own")
    [ -n "$allowed" ] || { complain "$1: its folder is no layer"; return; }
    while IFS=: read -r line header; do
        case $header in *.inc) continue ;; esac # made by the Makefile
        case " $allowed " in
        *" ${header%%/*} "*) ;;
        *) complain "$1:$line: $own may not use \"$header\"" ;;
        esac
    done <<LIST
$(sed -n '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/.*"\(.*\)".*/\1/p;}' "$1" | paste -d: - - )
LIST
}

check_own_header_first() {
    own=${1#src/}
    own=${own%.c}.h
    [ -e "include/$own" ] || return 0
    first=$(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\(.*\)/\1/p;' "$1" | head -n 1)
    [ "$first" = "\"$own\"" ] || complain "$1: includes $first first, not its own \"$own\""
}

check_compiles_alone() {
    "$compiler" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wno-unused-function -Werror -Iinclude \
        -fsyntax-only -x c - <<SOURCE || complain "$1: does not compile alone"
#include "${1#include/}"
struct never_empty {
    int member;
};
SOURCE
}

for layer in $(echo "$uses" | tr -s ': ' '\n'); do
    [ -d "src/$layer" ] || complain "the layer $layer has no folder"
done

for file in $(find src include -name '*.[ch]' | sort); do
    files=$((files + 1))
    # An empty here-document line stands for a file that includes nothing of ours.
    grep -q '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" && check_includes "$file"
    case $file in
    src/*.c) check_own_header_first "$file" ;;
    include/*.h) check_compiles_alone "$file" ;;
    esac
done

# Which file uses which, a .c and its header as one: "net/pool net/stream".
file_uses() {
    grep -rHo '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*\.h"' src include |
        sed 's/^[a-z]*\///; s/\.[ch]:.*"\(.*\)\.h"$/ \1/' | sort -u
}

# tsort says where it goes round, and which files are on the way.
check_cycles() {
    file_uses | awk '$1 != $2' | grep -vx 'chat/publish chat/chat' | tsort >/dev/null 2>"$loops" && [ ! -s "$loops" ] && return
    sed 's/^tsort: -: //; s/^tsort: /    /' "$loops" >&2
    complain "files that use each other: see above"
}

loops=$(mktemp)
trap 'rm -f "$loops"' EXIT
check_cycles

[ "$failed" = 0 ] || exit 1
echo "layers: $files files use only the layers that theirs may use, none itself; every header compiles alone"
