#!/usr/bin/env bash
# Runs the examples of docs/learn against a server of its own: what stands behind "$ " is typed, and what comes must be
# what stands below; "…" is anything. Then: each exercise names a function that is there and a suite that is there, and
# the Chinese chapters have the same examples as the English ones, and the Chinese README nothing that the English one has
# not.
# Usage: scripts/check-learn.sh [BINARY]      (default: ./wschat)
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-./wschat}
failed=0
work=$(mktemp -d)
server=

finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

complain() {
    echo "check-learn: $1" >&2
    failed=1
}

start() {
    : >"$work/log"
    "$binary" --port 0 --rate 0 --rate-bytes 0 --max-lag 64k 2>"$work/log" &
    server=$!
    until grep -q 'http://' "$work/log"; do
        kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.05
    done
    WSCHAT_PORT=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/log" | head -n 1 | sed 's/.*://')
    export WSCHAT_PORT
}

# Puts the examples of a chapter into $work/N.sh and $work/N.txt, and says how many there are.
cut_examples() {
    rm -f "$work"/*.sh "$work"/*.txt
    awk -v work="$work" '
        /^```console$/ { n++; inside = 1; printf "" > (work "/" n ".sh"); printf "" > (work "/" n ".txt"); next }
        /^```$/ { inside = 0 }
        inside && /^\$ / { print substr($0, 3) > (work "/" n ".sh"); next }
        inside { print > (work "/" n ".txt") }
        END { print n + 0 }' "$1"
}

run_example() {
    local chapter=$1 n=$2 wanted got
    sed -i "s/127\.0\.0\.1\([: ]\)8000/127.0.0.1\1$WSCHAT_PORT/g" "$work/$n.sh"
    wanted=$(sed 's/[][\\*?]/\\&/g; s/…/*/g' "$work/$n.txt")
    got=$(timeout 30 bash "$work/$n.sh" 2>&1) || true
    # shellcheck disable=SC2053  # a pattern
    [[ $got == $wanted ]] || complain "$chapter, example $n: wanted
$(cat "$work/$n.txt")
but got
$got"
}

check_exercise() {
    local line file function suite
    line=$(tr '\n' ' ' <"$1" | grep -o '\*\*Exercise\.\*\*.*') || { complain "$1 has no exercise"; return; }
    # shellcheck disable=SC2016  # the backticks are those of the chapter
    function=$(grep -o '`[a-z0-9_]*`' <<<"$line" | head -n 1 | tr -d '`')
    # shellcheck disable=SC2016
    file=$(grep -o '`src/[^`]*`' <<<"$line" | head -n 1 | tr -d '`')
    suite=$(grep -o 'CK_RUN_SUITE=[a-z0-9_]*' <<<"$line" | head -n 1 | cut -d= -f2)
    grep -q "^[a-z].*[ *]$function(" "$file" || complain "$1: no $function in $file"
    [ -f "tests/unit/test_$suite.c" ] || complain "$1: no suite $suite"
}

# Everything between fences, and the names of functions and files.
fenced() {
    awk '/^```/ { inside = !inside; print; next } inside' "$1"
}

check_translation() {
    local there=docs/learn/zh/${1##*/}
    [ -f "$there" ] || { complain "$there is missing"; return; }
    [ "$(fenced "$1")" = "$(fenced "$there")" ] || complain "$there has other examples than $1"
    [ "$(grep -c '^#' "$1")" = "$(grep -c '^#' "$there")" ] || complain "$there has other headings than $1"
    [ "$(grep -o 'CK_RUN_SUITE=[a-z0-9_]*' "$1")" = "$(grep -o 'CK_RUN_SUITE=[a-z0-9_]*' "$there")" ] ||
        complain "$there has another exercise than $1"
}

# The Chinese README has less to say below some headings than the English one. The headings (named beside theirs) are the same;
# commands, options and their defaults must be there as well.
check_readme() {
    local line
    diff <(sed -n 's/^## //p' README.md) <(sed -n 's/^## .*<!-- \(.*\) -->$/\1/p' README.zh-CN.md)
    fenced README.zh-CN.md | grep -v '^```' | sed 's| *\(  #.*\)\{0,1\}$||; s| *// .*$||' | while IFS= read -r line; do
        grep -qF -e "$line" README.md || echo "no command \"$line\""
    done
    grep -o '`--[a-z0-9-]*' README.zh-CN.md | tr -d '`' | sort -u | while IFS= read -r line; do
        grep -q -e "\`${line}[ \`]" README.md || echo "no option $line"
    done
    grep -o '^| `--[^|]*\([\\]|[^|]*\)*| [^|]* |' README.zh-CN.md | while IFS= read -r line; do
        grep -qF -e "$line" README.md || echo "other words or another default: $line"
    done
}

start
for chapter in docs/learn/[0-9]*.md; do
    count=$(cut_examples "$chapter")
    [ "$count" -gt 0 ] || complain "$chapter has no examples"
    for ((n = 1; n <= count; n++)); do run_example "$chapter" "$n"; done
    check_exercise "$chapter"
done
if [ -d docs/learn/zh ]; then
    for chapter in docs/learn/*.md; do check_translation "$chapter"; done
fi
wrong=$(check_readme)
[ -z "$wrong" ] || complain "README.zh-CN.md does not agree with README.md:
$wrong"
[ "$failed" = 0 ] || exit 1
echo "learn: the examples of all chapters do what they say"
