#!/bin/sh
# Checks the order of the layers: base < proto < chat < net < cli < app.  A file may include headers of its own layer
# and of those before it; a .c includes its own header first; every header compiles alone.
# Usage: scripts/check-layers.sh   (CC picks the compiler)
set -eu
cd "$(dirname "$0")/.."

layers="base proto chat store net cli app"
compiler=${CC:-cc}
failed=0
files=0

complain() {
    echo "$1" >&2
    failed=1
}

rank() {
    n=0
    for layer in $layers; do
        [ "$layer" = "$1" ] && echo $n && return
        n=$((n + 1))
    done
}

layer_of() {
    path=${1#*/}
    echo "${path%%/*}"
}

check_includes() {
    own=$(rank "$(layer_of "$1")")
    [ -n "$own" ] || { complain "$1: its folder is no layer ($layers)"; return; }
    while IFS=: read -r line header; do
        case $header in *.inc) continue ;; esac # made by the Makefile
        other=$(rank "${header%%/*}")
        if [ -z "$other" ]; then
            complain "$1:$line: \"$header\" is not written as \"layer/file.h\""
        elif [ "$other" -gt "$own" ]; then
            complain "$1:$line: $(layer_of "$1") must not know \"$header\""
        fi
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

for file in src/*/*.[ch] include/*/*.h; do
    [ -e "$file" ] || continue
    files=$((files + 1))
    # An empty here-document line stands for a file that includes nothing of ours.
    grep -q '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" && check_includes "$file"
    case $file in
    src/*.c) check_own_header_first "$file" ;;
    include/*.h) check_compiles_alone "$file" ;;
    esac
done

[ "$failed" = 0 ] || exit 1
echo "layers: $files files include nothing below their own layer; every header compiles alone"
