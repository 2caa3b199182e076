# shellcheck shell=bash
# A real headless Chromium through chromedriver's HTTP interface (W3C WebDriver), with curl and jq.
# To be sourced; needs `fail MESSAGE`, a function that does not return.

wd_root=
wd_session=
wd_pid=
wd_deadline=${WD_DEADLINE:-30} # seconds; a hang guard

# wd_call METHOD PATH [JSON]: prints the value of the answer.
wd_call() {
    local answer
    answer=$(curl -s --max-time 60 -X "$1" -H 'Content-Type: application/json' ${3+--data-binary "$3"} "$wd_root$2") ||
        fail "chromedriver does not answer ($1 $2)"
    if jq -e '.value | type == "object" and has("error")' <<<"$answer" >/dev/null; then
        fail "chromedriver: $(jq -r '.value.error + ": " + .value.message' <<<"$answer" | head -n 3)"
    fi
    jq '.value' <<<"$answer"
}

# Starts chromedriver on a free port, $port. It draws one for IPv6 and wants the same for IPv4, where it may be taken: then it ends,
# and another one is drawn.
wd_start_driver() {
    local work=$1 tries=0
    : >"$work/chromedriver.log"
    # The profile goes into its temporary folder: one that is named to it, the browser without windows does not find.
    TMPDIR=$work chromedriver --port=0 >>"$work/chromedriver.log" 2>&1 &
    wd_pid=$!
    until port=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$work/chromedriver.log") && [ -n "$port" ]; do
        ! grep -q 'port not available' "$work/chromedriver.log" || return 1
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || fail "chromedriver does not start: $(cat "$work/chromedriver.log")"
        sleep 0.1
    done
}

# wd_start BROWSER FOLDER: starts chromedriver, and the browser; both write to the folder.
wd_start() {
    local browser=$1 work=$2 draws=1 port arguments
    until wd_start_driver "$work"; do
        wait "$wd_pid" || true
        draws=$((draws + 1))
        [ "$draws" -le 20 ] || fail "chromedriver finds no port: $(cat "$work/chromedriver.log")"
    done
    wd_root=http://127.0.0.1:$port
    arguments=$(jq -n --arg binary "$browser" '{
        capabilities: {alwaysMatch: {
            browserName: "chrome", unhandledPromptBehavior: "accept",
            "goog:chromeOptions": {binary: $binary, args: [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-background-timer-throttling", "--window-size=960,720", "--lang=en",
                "--no-proxy-server"]}}}}')
    wd_session=/session/$(wd_call POST /session "$arguments" | jq -r .sessionId)
}

wd_stop() {
    [ -z "$wd_session" ] || curl -s --max-time 10 -X DELETE "$wd_root$wd_session" >/dev/null || true
    wd_session=
    [ -z "$wd_pid" ] || kill "$wd_pid" 2>/dev/null || true
}

# The handle of the present tab, and of a new one.
wd_tab() {
    wd_call GET "$wd_session/window" | jq -r .
}

wd_new_tab() {
    wd_call POST "$wd_session/window/new" '{"type":"tab"}' | jq -r .handle
}

wd_switch() {
    wd_call POST "$wd_session/window" "{\"handle\":\"$1\"}" >/dev/null
}

wd_close_tab() {
    wd_call DELETE "$wd_session/window" >/dev/null
}

wd_go() {
    wd_call POST "$wd_session/url" "$(jq -n --arg url "$1" '{url: $url}')" >/dev/null
}

# wd_js SCRIPT [ARGUMENT...]: prints what the script returns, as JSON.
wd_js() {
    local script=$1
    shift
    wd_call POST "$wd_session/execute/sync" \
        "$(jq -n --arg script "$script" '{script: $script, args: $ARGS.positional}' --args -- "$@")"
}

# wd_until WHAT SCRIPT [ARGUMENT...]: waits until the script returns true.
wd_until() {
    local what=$1 end=$((SECONDS + wd_deadline))
    shift
    until [ "$(wd_js "$@")" = true ]; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "the page says: $(wd_js 'return document.body.innerText' | jq -r .)" >&2
            echo "the console says: $(wd_errors)" >&2
            fail "waited in vain: $what"
        fi
        sleep 0.1
    done
}

# Types into the element of that CSS selector as a person would; \n is the Enter key.
wd_type() {
    local element
    element=$(wd_call POST "$wd_session/element" "$(jq -n --arg css "$1" '{using: "css selector", value: $css}')" |
        jq -r '.[]')
    wd_call POST "$wd_session/element/$element/value" "$(jq -n --arg text "$2" '{text: $text}')" >/dev/null
}

wd_click() {
    local element
    element=$(wd_call POST "$wd_session/element" "$(jq -n --arg css "$1" '{using: "css selector", value: $css}')" |
        jq -r '.[]')
    wd_call POST "$wd_session/element/$element/click" '{}' >/dev/null
}

# wd_size WIDTH HEIGHT: of the page that is seen, whatever the window's frame takes.
wd_size() {
    wd_call POST "$wd_session/goog/cdp/execute" "$(jq -n --argjson w "$1" --argjson h "$2" '{
        cmd: "Emulation.setDeviceMetricsOverride",
        params: {width: $w, height: $h, deviceScaleFactor: 1, mobile: false}}')" >/dev/null
}

# wd_screenshot FILE
wd_screenshot() {
    wd_call GET "$wd_session/screenshot" | jq -r . | base64 -d >"$1"
}

# Errors that the page wrote to the console, one a line (chromedriver's log endpoint).
wd_errors() {
    wd_call POST "$wd_session/se/log" '{"type":"browser"}' | jq -r '.[] | select(.level == "SEVERE") | .message'
}
