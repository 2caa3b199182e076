#!/bin/sh
# Checks the layers: the folders of src and include, and for each of them those that it may use. A .c includes its own
# header first; every header compiles alone; no file uses, by however many others, itself.
# Static functions have names of their own, so that a search finds one place.
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
keeper:  base net
server:  base proto auth log net chat session web cli keeper
cli:     base proto auth log
"
compiler=${CC:-cc}
failed=0

complain() {
    echo "$1" >&2
    failed=1
}

# What is wrong with the includes of the files that are named, a line for each. On standard input: all headers.
find_wrong_includes() {
    uses=$uses awk '
        BEGIN {
            count = split(ENVIRON["uses"], rows, "\n")
            for (i = 1; i <= count; i++) {
                words = split(rows[i], word, /[: ]+/)
                for (j = 1; j <= words; j++)
                    may[word[1] " " word[j]] = 1
            }
        }
        FILENAME == "-" {
            headers[$0] = 1
            next
        }
        FNR == 1 {
            split(FILENAME, part, "/")
            layer = part[2]
            own = FILENAME
            is_source = sub(/^src\//, "", own) && sub(/\.c$/, ".h", own)
            is_first = 1
            if (!((layer " " layer) in may))
                print FILENAME ": its folder is no layer"
        }
        /^[ \t]*#[ \t]*include/ {
            header = $0
            sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
            if (is_first && is_source && (own in headers) && header !~ "^\"" own "\"")
                print FILENAME ": includes " header " first, not its own \"" own "\""
            is_first = 0
            if (header !~ /^"/ || header ~ /\.inc"/) # those are made by the Makefile
                next
            gsub(/"/, "", header)
            split(header, part, "/")
            if (!((layer " " part[1]) in may))
                print FILENAME ":" FNR ": " layer " may not use \"" header "\""
        }
    ' "$@"
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

sources=$(find src -name '*.c' | sort)
headers=$(find include -name '*.h' | sort)
# shellcheck disable=SC2086  # lists of words
wrong=$(echo "$headers" | sed 's/^include\///' | find_wrong_includes - $sources $headers)
[ -z "$wrong" ] || complain "$wrong"
for header in $headers; do
    check_compiles_alone "$header"
done
files=$(echo "$sources $headers" | wc -w)

# Which file uses which, a .c and its header as one: "net/pool net/stream".
file_uses() {
    grep -rHo '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*\.h"' src include |
        sed 's/^[a-z]*\///; s/\.[ch]:.*"\(.*\)\.h"$/ \1/' | sort -u
}

# tsort says where it goes round, and which files are on the way.
check_cycles() {
    file_uses | awk '$1 != $2' | tsort >/dev/null 2>"$loops" && [ ! -s "$loops" ] && return
    sed 's/^tsort: -: //; s/^tsort: /    /' "$loops" >&2
    complain "files that use each other: see above"
}

# Functions that have a namesake in another file, as "name file". A definition begins at the start of a line, and is
# followed by its brace; a declaration is not.
find_namesakes() {
    awk '
        /^static .*[ *][a-z_0-9]+\(/ {
            name = $0
            sub(/__attribute__\(\([^)]*\)\)/, "", name)
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
        }
        /^}/ || /;$/ {
            name = ""
        }
        /^{/ && name != "" {
            print name, FILENAME
        }
    ' "$@" | sort -u | awk '$1 == last { print $1 ": in " before " and in " $2 } { last = $1; before = $2 }'
}

loops=$(mktemp)
trap 'rm -f "$loops"' EXIT
check_cycles
# shellcheck disable=SC2086  # a list of words
namesakes=$(find_namesakes $sources)
[ -z "$namesakes" ] || complain "$namesakes"

[ "$failed" = 0 ] || exit 1
echo "layers: $files files use only the layers that theirs may use, none itself; every header compiles alone"
