#!/usr/bin/env bash
# Two tabs of a real headless Chromium chat through ./wschat; then the echo page, and pages in the manner of the
# tutorial from another origin and from a file.
#
# Usage: scripts/smoke.sh [--screenshots DIR]   WSCHAT_BIN picks another binary
#        scripts/smoke.sh --open [OPTION...]    starts the server (with its OPTIONs) and opens your own browser
set -euo pipefail
cd "$(dirname "$0")/.."

screenshots=
work=
pids=()

fail() {
    echo "smoke: $*" >&2
    # Also out of the subshell that a command substitution is.
    kill -USR1 $$
    exit 1
}
trap 'exit 1' USR1

cleanup() {
    local pid
    wd_stop
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    [ -z "$work" ] || rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
}

step() {
    echo "smoke: $*"
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing; install it: apt-get install $2 (or scripts/bootstrap.sh)"
}

# ---- The server ----

# start_server PORT OPTION...: 0 is a free port; sets server_pid, server_port, server_log.
start_server() {
    local tries=0 port=$1
    shift
    server_log=$(mktemp "$work/server.XXXXXX")
    "$binary" --port "$port" "$@" 2>"$server_log" &
    server_pid=$!
    pids+=("$server_pid")
    until server_port=$(sed -n 's|.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*|\1|p' "$server_log") &&
        [ -n "$server_port" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$server_pid" 2>/dev/null; then
            fail "the server does not start: $(cat "$server_log")"
        fi
        sleep 0.05
    done
}

stop_server() {
    local status=0
    kill -TERM "$server_pid"
    wait "$server_pid" || status=$?
    [ "$status" = 0 ] || fail "the server ended with status $status: $(cat "$server_log")"
}

open_browser() {
    local opener
    opener=$(command -v xdg-open || command -v open) || fail "neither xdg-open nor open is here; open the page yourself"
    work=$(mktemp -d)
    trap cleanup EXIT
    start_server 0 "$@"
    echo "http://127.0.0.1:$server_port/ is open to you alone; Ctrl-C ends it"
    "$opener" "http://127.0.0.1:$server_port/" >/dev/null 2>&1 || echo "$opener failed; open the page yourself"
    trap 'stop_server; exit 0' INT TERM
    wait "$server_pid"
}

# ---- What a person sees ----

is_online='return (document.documentElement.dataset.state || document.body.dataset.state) === "online"'
has_line='const [kind, text] = arguments;
    return [...document.querySelectorAll("#messages li" + kind)].some((li) => li.textContent.includes(text))'
count_lines='const [text] = arguments;
    return [...document.querySelectorAll("#messages li")].filter((li) => li.textContent.includes(text)).length'

expect_line() {
    wd_until "a line${2:+ of kind $2} with \"$1\"" "$has_line" "${2-}" "$1"
}

expect_count() {
    local count
    count=$(wd_js "$count_lines" "$1")
    [ "$count" = "$2" ] || fail "\"$1\" is there $count times in place of $2"
}

own_id() {
    wd_js 'return document.getElementById("ws-id").textContent' | jq -r .
}

picture() {
    [ -z "$screenshots" ] || wd_screenshot "$screenshots/$1.png"
}

no_errors() {
    local errors
    errors=$(wd_errors)
    [ -z "$errors" ] || fail "errors in the console: $errors"
}

two_tabs_chat() {
    local first second id_first id_second url=http://127.0.0.1:$server_port/
    step "two tabs chat at /"
    first=$(wd_tab)
    wd_go "$url"
    wd_until "the first tab is online" "$is_online"
    second=$(wd_new_tab)
    wd_switch "$second"
    wd_go "$url"
    wd_until "the second tab is online" "$is_online"
    id_second=$(own_id)
    wd_type '#messageText' 'hello from <b>two</b>'
    wd_click '#send'
    expect_line 'hello from <b>two</b>' .own
    wd_switch "$first"
    id_first=$(own_id)
    [ "$id_first" != "$id_second" ] || fail "both tabs have the id $id_first"
    expect_line 'hello from <b>two</b>' .other
    wd_type '#messageText' $'hello from one\n'
    expect_line 'hello from one' .own
    wd_switch "$second"
    expect_line 'hello from one' .other
    expect_count 'hello from one' 1
    expect_count 'hello from <b>two</b>' 1
    picture chat
    wd_size 360 640
    picture chat-360
    no_errors
    step "one leaves, the other sees it"
    wd_go about:blank
    wd_switch "$first"
    wd_until "a notice that $id_second left" 'return document.querySelectorAll("#messages li.notice").length > 0'
    picture left
    no_errors
    wd_switch "$second"
    wd_close_tab
    wd_switch "$first"
}

reconnects() {
    local port=$server_port
    step "the page comes back by itself and sends what was typed meanwhile"
    wd_go "http://127.0.0.1:$port/"
    wd_until "online" "$is_online"
    stop_server
    wd_until "offline" "$is_online ? false : true"
    wd_type '#messageText' $'typed while offline\n'
    picture offline
    start_server "$port"
    wd_until "online again" "$is_online"
    expect_line 'typed while offline' .own
    expect_count 'typed while offline' 1
}

echo_page() {
    step "the echo page at /echo"
    wd_go "http://127.0.0.1:$server_port/echo"
    wd_until "the echo page is online" "$is_online"
    wd_type '#messageText' $'hello\n'
    expect_line 'Message text was: hello'
    picture echo
    no_errors
}

# ---- Pages in the manner of the tutorial, with inline script, from elsewhere ----

# Copies of the pages that know the server's port; each server has a folder of its own, so that no page comes out of
# the browser's cache.
tutorial_pages() {
    local page
    mkdir -p "$work/pages/$server_port"
    for page in tests/browser/tutorial/*.html; do
        sed "s/localhost:8000/localhost:$server_port/" "$page" >"$work/pages/$server_port/${page##*/}"
    done
}

# A second origin; sets other_port.
serve_pages() {
    local tries=0 log=$work/pages.log
    : >"$log"
    python3 -u -m http.server --bind 127.0.0.1 --directory "$work/pages" 0 >>"$log" 2>&1 &
    pids+=("$!")
    until other_port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$log") && [ -n "$other_port" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || fail "python3 -m http.server does not start: $(cat "$log")"
        sleep 0.05
    done
}

is_open='return socket.readyState === 1'

tutorial_chat() {
    local base=$1/$server_port mode=$2 first second id_first id_second
    step "the tutorial's pages from $base, --broadcast $mode"
    first=$(wd_tab)
    wd_go "$base/chat.html"
    wd_until "the first page is connected" "$is_open"
    id_first=$(own_id)
    second=$(wd_new_tab)
    wd_switch "$second"
    wd_go "$base/chat.html"
    wd_until "the second page is connected" "$is_open"
    id_second=$(own_id)
    wd_type '#messageText' $'good day\n'
    expect_line 'You wrote: good day'
    wd_switch "$first"
    expect_line "Client #$id_second says: good day"
    expect_count 'You wrote' 0
    wd_type '#messageText' $'and to you\n'
    expect_line 'You wrote: and to you'
    wd_switch "$second"
    expect_line "Client #$id_first says: and to you"
    expect_count "Client #$id_second says: good day" "$([ "$mode" = all ] && echo 1 || echo 0)"
    wd_close_tab
    wd_switch "$first"
    expect_line "Client #$id_second left the chat"
    expect_count 'left the chat' 1
    wd_go "$base/echo.html"
    wd_until "the echo page is connected" "$is_open"
    wd_type '#messageText' $'hello\n'
    expect_line 'Message text was: hello'
}

foreign_page_is_refused() {
    step "a page from elsewhere is refused unless its origin is allowed"
    wd_go "http://127.0.0.1:$other_port/$server_port/chat.html"
    wd_until "the page is refused" 'return socket.readyState === 3'
}

tutorial() {
    local mode
    start_server 0
    tutorial_pages
    serve_pages
    foreign_page_is_refused
    stop_server
    for mode in others all; do
        start_server 0 --broadcast "$mode" --allow-origin "http://127.0.0.1:$other_port" --allow-origin null
        tutorial_pages
        tutorial_chat "http://127.0.0.1:$other_port" "$mode"
        tutorial_chat "file://$work/pages" "$mode"
        wd_go about:blank
        stop_server
    done
}

# ---- Begin ----

# shellcheck source=tests/browser/webdriver.sh
. tests/browser/webdriver.sh
binary=${WSCHAT_BIN:-./wschat}
[ -x "$binary" ] || make all

case ${1-} in
--open)
    shift
    open_browser "$@"
    exit 0
    ;;
--screenshots)
    screenshots=${2:?--screenshots DIR}
    mkdir -p "$screenshots"
    ;;
'') ;;
*)
    echo "usage: scripts/smoke.sh [--screenshots DIR | --open [OPTION...]]" >&2
    exit 2
    ;;
esac

browser=$(scripts/find-chromium.sh) ||
    fail "Chromium is missing; install it: apt-get install chromium (or scripts/bootstrap.sh)"
need chromedriver chromium-driver
need curl curl
need jq jq
need python3 python3
work=$(mktemp -d)
trap cleanup EXIT
wd_start "$browser" "$work"
start_server 0
two_tabs_chat
echo_page
reconnects
wd_go about:blank
stop_server
tutorial
echo "smoke: passed"
