# shellcheck shell=sh
# help_of BINARY [COMMAND]: what its --help says, with the lines about one option put together again: those that go on
# with it begin with more blanks than any other. Fails where there is none.
help_of() {
    help_text=$("$@" --help) || return
    printf '%s\n' "$help_text" | awk '
        index($0, "                              ") == 1 { sub(/^ +/, " "); line = line $0; next }
        NR > 1 { print line }
        { line = $0 }
        END { print line }'
}
