# Takes out of a module what only people read: comments that begin with //, indentation, blank lines, and blanks beside
# signs. Strings, templates and regular expressions stay as they are. Ends of lines stay where they may end a statement: here
# each statement has its semicolon, or ends with a block. A semicolon before "}" goes. A "/" behind ")", "]", a word or a number
# divides; elsewhere it begins a regular expression. A comma before a bracket that closes goes, too, and declarations that follow
# one another in lines of their own become one. Two kinds of words are for people, too: "const" becomes "let", and private
# names, which nothing outside of their class can see, become as short as can be: #a, #b, ... #a1. "(x) =>" becomes "x=>", and
# undefined, true and false become void 0, !0 and !1; what is returned without a value needs no word for that.
# Usage: LC_ALL=C awk -f scripts/strip-js.awk FILE
function is_word(c) { return c ~ /[A-Za-z0-9_$#]/ || c > "~" }

# Whether a "/" behind what is in `out` begins a regular expression.
function is_regex_next() {
    return out == "" || out ~ /[(,=:\[!&|?{};+*%<>~^-]$/ || out ~ /(^|[^A-Za-z0-9_$.])(return|typeof|case|of|in)$/
}

# Copies from i up to the end of what `quote` began, within this line.
function copy_until(quote,    start, in_class, c) {
    start = i
    for (i++; i <= length($0); i++) {
        c = substr($0, i, 1)
        if (c == "\\") i++
        else if (quote == "/" && c == "[") in_class = 1
        else if (quote == "/" && c == "]") in_class = 0
        else if (c == quote && !in_class) break
    }
    out = out substr($0, start, i - start + 1)
}

# Inside of a template, up to its end, or to code in it, or to the end of the line.
function copy_template(    start, c) {
    start = i
    for (; i <= length($0); i++) {
        c = substr($0, i, 1)
        if (c == "\\") i++
        else if (c == "`") { depth--; break }
        else if (substr($0, i, 2) == "${") { i++; braces[++depth] = 1; break }
    }
    out = out substr($0, start, i - start + 1)
}

# The same name is the same short one in all of a file.
function copy_private(    name) {
    match(substr($0, i), /^#[A-Za-z0-9_$]+/)
    name = substr($0, i, RLENGTH)
    if (!(name in short)) {
        short[name] = "#" substr("abcdefghijklmnopqrstuvwxyz", names % 26 + 1, 1) (names < 26 ? "" : int(names / 26))
        names++
    }
    out = out short[name]
    i += RLENGTH - 1
}

# Is this word next?
function is_next(word,    last) {
    last = substr(out, length(out))
    return substr($0, i, length(word)) == word && !is_word(substr($0, i + length(word), 1)) && last != "." && !is_word(last)
}

# "undefined" and its like, as shortly as it can be said.
function copy_value(    word) {
    for (word in SAID) {
        if (!is_next(word)) continue
        out = out SAID[word]
        i += length(word) - 1
        return 1
    }
    return 0
}

function copy_code(    c, last) {
    c = substr($0, i, 1)
    if (c == "=" && substr($0, i + 1, 1) == ">" && match(out, /[^A-Za-z0-9_$)\]]\([A-Za-z_$][A-Za-z0-9_$]*\)$/))
        out = substr(out, 1, RSTART) substr(out, RSTART + 2, RLENGTH - 3)
    if (c ~ /[ {[]/ && out ~ /(^|[^A-Za-z0-9_$.#])const$/) sub(/const$/, "let", out)
    last = substr(out, length(out))
    if (c == " ") {
        c = substr($0, i + 1, 1)
        if (out != "" && ((is_word(last) && is_word(c)) || (last == c && (c == "+" || c == "-")))) out = out " "
    } else if (c == "/" && substr($0, i + 1, 1) == "/") i = length($0)
    else if (c == "#" && substr($0, i + 1, 1) ~ /[A-Za-z_$]/) copy_private()
    else if ((c == "u" || c == "t" || c == "f") && copy_value()) return
    else if (c == "'" || c == "\"" || (c == "/" && is_regex_next())) copy_until(c)
    else {
        if (c == "`") braces[++depth] = 0
        else if (c == "{" && depth) braces[depth]++
        else if (c == "}" && depth && --braces[depth] == 0) depth--
        if (c == "}") sub(/;$/, "", out)
        out = out c
    }
}

BEGIN {
    SAID["undefined"] = "void 0"
    SAID["true"] = "!0"
    SAID["false"] = "!1"
}

# Does the line close all that it opens?
function is_balanced(line,    opened) {
    opened = gsub(/[[({]/, "", line)
    return opened == gsub(/[])}]/, "", line)
}

function is_in_template() { return depth && braces[depth] == 0 }

{
    out = ""
    for (i = 1; i <= length($0); i++) {
        if (is_in_template()) copy_template()
        else copy_code()
    }
    if (out == "" && !is_in_template()) next
    # What ends a line waits for what comes: before "}" there need be none.
    is_let = out ~ /^let[ {[]/
    if (is_let && was_let) {
        sub(/^let */, "", out)
        waiting = ","
    } else if (out ~ /^[])}]/ && (waiting == "," || out ~ /^}/)) waiting = ""
    printf "%s", waiting
    waiting = ""
    was_let = is_let && !is_in_template() && is_balanced(out)
    sub(/return void 0;$/, "return;", out)
    end = "\n"
    if (!is_in_template()) {
        if (match(out, /[;,]$/)) {
            waiting = substr(out, RSTART)
            out = substr(out, 1, RSTART - 1)
        }
        if (waiting || out ~ /[{},(\[:?&|=]$/) end = ""
    }
    printf "%s%s", out, end
}

END { printf "%s", waiting }
