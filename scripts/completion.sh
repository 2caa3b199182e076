#!/bin/sh
# Writes the completion of wschat for a shell, made from what --help says: the table of options in the program is the only
# source. Subcommands are those that --help shows as "wschat NAME ...", and are asked for their own --help.
# Usage: scripts/completion.sh bash|zsh|fish [BINARY]   (default: ./wschat)
set -eu
# shellcheck source=scripts/lib/help.sh
. "$(dirname "$0")/lib/help.sh"
export LC_ALL=C

shell=${1-}
binary=${2:-./wschat}
case $shell in
bash | zsh | fish) ;;
*)
    echo "usage: scripts/completion.sh bash|zsh|fish [BINARY]" >&2
    exit 2
    ;;
esac
help=$(help_of "$binary") || { echo "$binary --help fails: build it with make" >&2; exit 1; }
commands=$(echo "$help" | sed -n 's/^\(Usage:\)\{0,1\} *wschat \([a-z][a-z-]*\).*/\2/p' | sort -u | tr '\n' ' ')
commands=${commands% } # with blanks between

# One line for each option, with tabs between: COMMAND ("-": none), NAME, KIND, VALUE ("-": none), "*" if it is repeatable
# (else "-"), and the words of --help without the default. What stands for the value tells the kind.
options() {
    {
        echo "$help" | sed 's/^/- /'
        for c in $commands; do help_of "$binary" "$c" | sed "s/^/$c /"; done
    } | awk -v OFS='\t' '
        function kind(value) {
            if (value == "-") return "flag"
            if (value ~ /[|]/) return "words"
            if (value ~ /DIR$/) return "folder"
            if (value ~ /FILE$/) return "file" # a PATH is that of a URL
            if (value ~ /USER$/) return "user"
            return "other"
        }
        {
            command = $1
            sub(/^[^ ]+ /, "")
        }
        match($0, /^  --[a-z0-9-]+( [^ ]+)? +/) {
            split(substr($0, RSTART, RLENGTH), left, " ")
            words = substr($0, RSTART + RLENGTH)
            sub(/ \[[^]]*\]$/, "", words)
            value = left[2] == "" ? "-" : left[2]
            print command, left[1], kind(value), value, words ~ /repeatable/ ? "*" : "-", words
        }'
}

# Those of one command.
options_of() {
    options | awk -F '\t' -v command="$1" '$1 == command'
}

# ---- bash ----

bash_values() {
    options | awk -F '\t' '
        function offer(what, more) {
            printf "    %s/%s) offers=$(compgen %s -- \"$cur\")%s ;;\n", $1, $2, what, more
        }
        $3 == "words" { gsub(/[|]/, " ", $4); offer("-W \"" $4 "\"") }
        $3 == "folder" { offer("-d", " && compopt -o filenames") }
        $3 == "file" { offer("-f", " && compopt -o filenames") }
        $3 == "user" { offer("-u") }
        $3 == "other" { printf "    %s/%s) return ;;\n", $1, $2 }'
    for c in - $commands; do
        names=$(options_of "$c" | cut -f 2 | tr '\n' ' ')
        [ "$c" != - ] || [ -z "$commands" ] || names="\${first:+$commands }$names"
        echo "    $c/*) offers=\$(compgen -W \"$names\" -- \"\$cur\") ;;"
    done
}

bash_completion() {
    cat <<TEXT
# bash completion for wschat; made from wschat --help by scripts/completion.sh.

_wschat() {
    local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=- offers= first=
    COMPREPLY=()
    # --name=value comes as three words.
    if [ "\$cur" = = ]; then
        cur=
    elif [ "\$prev" = = ]; then
        prev=\${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [ "\$COMP_CWORD" = 1 ]; then
        first=1
    elif [[ " $commands " == *" \${COMP_WORDS[1]} "* ]]; then
        command=\${COMP_WORDS[1]}
    fi
    case \$command/\$prev in
$(bash_values)
    esac
    [ -z "\$offers" ] || mapfile -t COMPREPLY <<<"\$offers"
}

complete -F _wschat wschat
TEXT
}

# ---- zsh ----

# The options of a command as what _arguments takes.
zsh_specs() {
    options_of "$1" | awk -F '\t' '
        function action() {
            if ($3 == "words") { words = $4; gsub(/[|]/, " ", words); return "(" words ")" }
            return $3 == "folder" ? "_files -/" : $3 == "file" ? "_files" : $3 == "user" ? "_users" : "()"
        }
        {
            gsub(/\\/, "\\\\&", $6)
            gsub(/\[/, "\\[", $6)
            gsub(/\]/, "\\]", $6)
            gsub(/\047/, "\047\\\047\047", $6)
            name = $2 ($3 == "flag" ? "" : "=")
            value = $4
            gsub(/:/, "\\:", value)
            printf " \\\n    \047%s%s[%s]%s\047", $5 == "*" ? "*" : "", name, $6,
                $3 == "flag" ? "" : ":" value ":" action()
        }'
}

zsh_completion() {
    cat <<TEXT
#compdef wschat
# zsh completion for wschat; made from wschat --help by scripts/completion.sh.

TEXT
    for c in $commands; do
        cat <<TEXT
if (( CURRENT > 2 )) && [[ \$words[2] == $c ]]; then
    shift words
    (( CURRENT-- ))
    _arguments$(zsh_specs "$c") '*:URL:()'
    return
fi
TEXT
    done
    echo "local -a first"
    [ -z "$commands" ] || echo "(( CURRENT == 2 )) && first=('1:subcommand:($commands)')"
    printf '%s' "_arguments \$first"
    zsh_specs -
    echo
}

# ---- fish ----

fish_completion() {
    cat <<TEXT
# fish completion for wschat; made from wschat --help by scripts/completion.sh.

complete -c wschat -f
TEXT
    for c in $commands; do
        echo "complete -c wschat -n 'test (count (commandline -opc)) = 1' -a $c"
    done
    options | awk -F '\t' -v commands="$commands" '
        function offer() {
            if ($3 == "words") { words = $4; gsub(/[|]/, " ", words); return " -x -a \047" words "\047" }
            if ($3 == "folder") return " -x -a \047(__fish_complete_directories)\047"
            if ($3 == "user") return " -x -a \047(__fish_complete_users)\047"
            return $3 == "file" ? " -r -F" : $3 == "other" ? " -x" : ""
        }
        {
            gsub(/\\/, "\\\\&", $6)
            gsub(/\047/, "\\\047", $6)
            seen = "__fish_seen_subcommand_from " ($1 == "-" ? commands : $1)
            condition = commands == "" ? "" : " -n \047" ($1 == "-" ? "not " : "") seen "\047"
            printf "complete -c wschat%s -l %s%s -d \047%s\047\n", condition, substr($2, 3), offer(), $6
        }'
}

"${shell}_completion"
