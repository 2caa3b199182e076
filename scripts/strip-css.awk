# Takes out of a style sheet what only people read: comments within a line, indentation, ends of lines, and blanks beside signs.
# Names of custom properties become as short as can be: --a, --b, ...; but for --hue, which scripts set.
# Usage: LC_ALL=C awk -f scripts/strip-css.awk FILE
function short_name(name) {
    if (name == "--hue") return name
    if (!(name in short)) short[name] = "--" substr("abcdefghijklmnopqrstuvwxyz", ++names, 1)
    if (names > 26) exit 1
    return short[name]
}

function shorten(line,    out) {
    while (match(line, /--[a-z][a-z-]*/)) {
        out = out substr(line, 1, RSTART - 1) short_name(substr(line, RSTART, RLENGTH))
        line = substr(line, RSTART + RLENGTH)
    }
    return out line
}

{
    gsub(/\/\*.*\*\//, "")
    sub(/^ */, "")
    gsub(/ *\{ */, "{")
    gsub(/; *\}/, "}")
    gsub(/ *\} */, "}")
    $0 = tighten($0)
    gsub(/ > /, ">")
    gsub(/ !/, "!")
    $0 = shorten($0)
    printf "%s", /^}/ ? "" : waiting
    waiting = sub(/;$/, "") ? ";" : ""
    printf "%s", $0
}

# ": a", "; a" and ", a" without the blank; 0.5 as .5; [a='b'] as [a=b].
function tighten(line) {
    gsub(/: /, ":", line)
    gsub(/; /, ";", line)
    gsub(/, /, ",", line)
    while (match(line, /[(:, ]0\.[0-9]/)) line = substr(line, 1, RSTART) substr(line, RSTART + 2)
    while (match(line, /='[a-z]*'\]/)) line = substr(line, 1, RSTART) substr(line, RSTART + 2, RLENGTH - 4) substr(line, RSTART + RLENGTH - 1)
    return line
}
