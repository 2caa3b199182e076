#!/bin/sh
# Checks the layers: the folders of src and include, and for each of them those that it may use. A .c includes its own
# header first; every header compiles alone.
# Usage: scripts/check-layers.sh   (CC picks the compiler)
set -eu
cd "$(dirname "$0")/.."

# LAYER: those whose headers its files may include, besides its own.
uses="
base:
proto:  base
out:    base proto
log:    base proto
chat:   base proto out log
net:    base proto out
web:    base proto out log chat net server
server: base proto out log chat net web cli
cli:    base proto
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

[ "$failed" = 0 ] || exit 1
echo "layers: $files files use only the layers that theirs may use; every header compiles alone"
