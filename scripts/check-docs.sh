#!/bin/sh
# Checks the documents against the program and the tree: every option with its words and its default stands in the README
# and in the man page, the Chinese README has them all, --help fits a terminal, every file and every make target that a document names is there,
# docs/architecture.md speaks of every source file, names in it and in docs/learn are those of the code, and docs/operations.md
# tells of every metric.
# Usage: scripts/check-docs.sh [BINARY]                (default: ./wschat)
#        scripts/check-docs.sh --table [BINARY]        prints the README's table of options
#        scripts/check-docs.sh --table-join [BINARY]   that of `wschat join`; --table-journal: of `wschat journal`;
#        --table-token: of `wschat token`
set -eu
cd "$(dirname "$0")/.."
. scripts/lib/help.sh
export LC_ALL=C

documents="README.md README.zh-CN.md third_party_free.md docs/*.md docs/learn/*.md docs/wschat.1 docs/proxy/*"
table=
case ${1-} in
--table) table=server ;;
--table-join) table="join" ;;
--table-journal) table="journal" ;;
--table-token) table="token" ;;
esac
[ -z "$table" ] || shift
binary=${1:-./wschat}
[ -x "$binary" ] || { echo "$binary is not there: build it with make" >&2; exit 1; }
failed=0

complain() {
    echo "check-docs: $1" >&2
    failed=1
}

# One line for each option of `server`, `join`, `journal` or `token`: NAME, VALUE, DEFAULT and the words of --help, with tabs between them;
# "-" for nothing.
options() {
    case $1 in
    join | journal | token) help_of "$binary" "$1" ;;
    *) help_of "$binary" ;;
    esac | awk -v OFS='\t' '
        match($0, /^  --[a-z0-9-]+( [^ ]+)? +/) {
            split(substr($0, RSTART, RLENGTH), left, " ")
            words = substr($0, RSTART + RLENGTH)
            standard = "-"
            if (match(words, / \[[^]]*\]$/)) {
                standard = substr(words, RSTART + 2, RLENGTH - 3)
                words = substr(words, 1, RSTART - 1)
            }
            print left[1], (left[2] == "" ? "-" : left[2]), standard, words
        }'
}

# That of the README. In a table "|" must be escaped, and a lone "*" too.
markdown_table() {
    echo '| option | default | meaning |'
    echo '|---|---|---|'
    options "$1" | awk -F '\t' '
        {
            gsub(/[|]/, "\\\\|")
            gsub(/[*]/, "\\*", $4)
            printf "| `%s%s` | %s | %s |\n", $1, $2 == "-" ? "" : " " $2, $3 == "-" ? "" : "`" $3 "`", $4
        }'
}

# What a README has below the heading that belongs to these options. Several tables may have the same row.
readme_part() {
    case $2 in
    server) heading='Options' ;;
    join) heading='From a terminal' ;;
    journal) heading='The journal' ;;
    token) heading='Tokens' ;;
    esac
    awk -v heading="$heading" '/^## / { is_in = $0 == "## " heading || index($0, "<!-- " heading " -->") > 0 } is_in' "$1"
}

# rows of the options $1, rows that README $2 has: what is on one side alone
compare_rows() {
    printf '%s\n' "$1" | while IFS= read -r row; do
        printf '%s\n' "$2" | grep -qxF -- "$row" || echo "lacks this row: $row"
    done
    printf '%s\n' "$2" | while IFS= read -r row; do
        printf '%s\n' "$1" | grep -qxF -- "$row" || echo "has a row that is not of these options: $row"
    done
}

check_readme() {
    for whose in server join journal token; do
        # shellcheck disable=SC2016  # the backquotes are Markdown's
        compare_rows "$(markdown_table $whose)" "$(readme_part README.md $whose | grep -e '^| option | default' -e '^|---|---|---|$' -e '^| `--' |
            sed -n '/^| option/,$p')"
    done
}

# The Chinese one has the same options with the same values and defaults, in words of its own.
check_chinese_readme() {
    for whose in server join journal token; do
        # shellcheck disable=SC2016  # the backquotes are Markdown's
        beginnings='s/^\(| `--[^`]*` | [^|]*|\).*/\1/p'
        compare_rows "$(markdown_table $whose | sed -n "$beginnings")" "$(readme_part README.zh-CN.md $whose | sed -n "$beginnings")"
    done
}

# The man page, as far as it is about the server or about a subcommand, which has a section of its own.
man_part() {
    awk -v whose="$1" '
        /^\.Sh / { part = $0 == ".Sh WSCHAT JOIN" ? "join" : $0 == ".Sh WSCHAT JOURNAL" ? "journal" : $0 == ".Sh WSCHAT TOKEN" ? "token" : "server" }
        part == whose' docs/wschat.1
}

# It has an item for each option, its twin in the environment, its default, and the words of --help.
check_man() {
    check_man_part server WSCHAT_
    check_man_part join WSCHAT_JOIN_
    check_man_part journal WSCHAT_JOURNAL_
    check_man_part token WSCHAT_TOKEN_
}

check_man_part() {
    options "$1" | while IFS="$(printf '\t')" read -r name value standard words; do
        twin=$2$(echo "${name#--}" | tr 'a-z-' 'A-Z_')
        item=$(man_part "$1" | awk -v item=".It Fl -${name#--}" '
            index($0, ".It") == 1 || index($0, ".El") == 1 { is_in = $0 == item || index($0, item " ") == 1 }
            is_in')
        [ -n "$item" ] || { echo "$name: no item"; continue; }
        plain=$(echo "$item" | sed 's/\\(dq/"/g; s/\\&//g; s/\\-/-/g' | tr '\n' ' ')
        [ "$value" = - ] || case $plain in
        *"Ar $value"* | *"Cm $(echo "$value" | sed 's/|/ | Cm /g')"*) ;;
        *) echo "$name: its value is not called $value" ;;
        esac
        [ "$value" = - ] || case $plain in *"Ev $twin "*) ;; *) echo "$name: $twin is missing" ;; esac
        [ "$standard" = - ] || case $plain in
        *"The default is $standard."*) ;;
        *) echo "$name: the default is $standard" ;;
        esac
        case $(echo "$plain" | tr '[:upper:]' '[:lower:]') in
        *"$(echo "$words" | tr '[:upper:]' '[:lower:]')"*) ;;
        *) echo "$name: the words are: $words" ;;
        esac
    done
}

# A terminal has 80 columns.
check_help() {
    { "$binary" --help; "$binary" join --help; "$binary" journal --help; "$binary" token --help; } | awk 'length > 80 { print "--help is too wide: " $0 }'
}

# FILE: what looks like a path of the tree, and what a link leads to. NAME stands for any name.
named_files() {
    {
        sed 's/https*:[^ )>]*//g' "$1" |
            grep -oE '(^|[^A-Za-z0-9_/.~{}$-])(src|include|static|tests|scripts|docs|\.ci)/[A-Za-z0-9_./*-]+' |
            sed 's/^[^a-z.]//'
        case $1 in
        *.md) grep -oE '\]\([^)#: ]+' "$1" | sed "s|^](|$(dirname "$1")/|" ;;
        esac
    } | sed 's/[.,:;-]*$//' | grep -v -e NAME -e '/https*$' | sort -u
}

# docs/protocol.md shows the examples as they are.
check_examples() {
    for example in docs/examples/*.*; do
        awk -v first="$(head -n 1 "$example")" '$0 == first { is_in = 1 } $0 == "```" { is_in = 0 } is_in' \
            docs/protocol.md | cmp -s - "$example" || echo "docs/protocol.md does not show $example as it is"
    done
}

check_files() {
    for document in $documents; do
        named_files "$document" | while IFS= read -r file; do
            # shellcheck disable=SC2086  # a pattern is a name, too
            ls -d $file >/dev/null 2>&1 || echo "$document: $file is not there"
        done
    done
}

check_targets() {
    for document in $documents; do
        grep -oE '(`|&& )make [a-z-]+|^make [a-z-]+( +#.*)?$' "$document" | sed 's/^[^m]*make \([a-z-]*\).*/\1/' | sort -u |
            while IFS= read -r target; do
                grep -qE "^$target:" Makefile || echo "$document: make $target is not there"
            done
    done
}

check_architecture() {
    # shellcheck disable=SC2044  # names without blanks
    for file in $(find src -name "*.c") include/base/list.h include/base/tuning.h include/base/util.h include/log/log.h; do
        name=${file#*/}
        name=${name%.*}
        grep -q "^- \`$name" docs/architecture.md || echo "$file has no paragraph in docs/architecture.md"
    done
}

# What the documents about the code call by name is there: functions, types and fields with an underscore in their names.
check_names() {
    words=$(grep -rohwEI --exclude-dir=corpus '[a-z][a-z0-9]*(_[a-z0-9]+)+' src include tests scripts static docs/learn/ws.sh Makefile | sort -u)
    for document in docs/architecture.md docs/learn/*.md docs/learn/zh/*.md; do
        # shellcheck disable=SC2016  # the backquotes are Markdown's
        grep -oE '`(enum |struct )?[a-z][a-z0-9]*(_[a-z0-9]+)+(\(\))?`' "$document" | sed -e 's/[`()]//g' -e 's/.* //' | sort -u |
            while IFS= read -r name; do
                echo "$words" | grep -qxF -- "$name" || echo "$document: $name is not there"
            done
    done
}

# docs/operations.md tells of every metric.
check_metrics() {
    grep -ohE '"(wschat|process)_[a-z_]+' src/server/metrics.c | tr -d '"' | sort -u | while IFS= read -r name; do
        grep -qE "^\|.*\`${name}[\`{]" docs/operations.md || echo "docs/operations.md: $name is missing"
    done
}

report() {
    while IFS= read -r problem; do
        complain "$1$problem"
    done <<TEXT
$2
TEXT
}

if [ -n "$table" ]; then
    markdown_table $table
    exit 0
fi
for check in readme chinese_readme man help examples files names targets architecture metrics; do
    problems=$("check_$check")
    [ -z "$problems" ] || case $check in
    readme) report 'README.md (scripts/check-docs.sh --table makes it) ' "$problems" ;;
    chinese_readme) report 'README.zh-CN.md ' "$problems" ;;
    man) report 'docs/wschat.1: ' "$problems" ;;
    *) report '' "$problems" ;;
    esac
done
[ $failed = 0 ] || exit 1
echo "docs: $(options server | wc -l) options, $(options join | wc -l) of wschat join, $(options journal | wc -l) of wschat journal, $(options token | wc -l) of wschat token, and every file, name and target that the documents mention"
