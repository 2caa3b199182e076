#!/usr/bin/env bash
# The chat page in real headless browsers, Chromium and Firefox, against the real ./wschat: tests/browser/*.test.mjs.
#
# Before that its library, static/wschat.js, in Node alone.
#
# Usage: scripts/check-page.sh [PATTERN]          only the tests whose name matches
#        scripts/check-page.sh --screenshots DIR  pictures of the page in all sizes, light and dark
#        scripts/check-page.sh --pictures         those of the documents, anew (scripts/pictures.sh)
# WSCHAT_BIN picks another binary; CHROMIUM and FIREFOX other browsers; CHECK_PAGE_SECONDS (600) ends a run that hangs.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "check-page: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing; install it: apt-get install $2 (or scripts/bootstrap.sh)"
}

need node nodejs
need zbarimg zbar-tools
CHROMIUM=${CHROMIUM:-$(scripts/find-chromium.sh)} ||
    fail "Chromium is missing; install it: apt-get install chromium (or scripts/bootstrap.sh)"
export CHROMIUM
command -v "$CHROMIUM" >/dev/null || fail "there is no browser at CHROMIUM=$CHROMIUM"
FIREFOX=${FIREFOX:-$(command -v firefox-esr || command -v firefox)} ||
    fail "Firefox is missing; install it: apt-get install firefox-esr (or scripts/bootstrap.sh)"
export FIREFOX
command -v "$FIREFOX" >/dev/null || fail "there is no browser at FIREFOX=$FIREFOX"
for module in playwright-core axe-core; do
    [ -d build/browser/node_modules/$module ] || fail "the npm module $module is missing: run scripts/bootstrap.sh"
done
cmp -s tests/browser/package.json build/browser/package.json ||
    fail "the npm modules are not those of tests/browser/package.json: run scripts/bootstrap.sh"

export WSCHAT_BIN=${WSCHAT_BIN:-./wschat}
[ -x "$WSCHAT_BIN" ] || make all

# The browsers' profiles, and whatever it leaves behind.
work=$(mktemp -d)
trap 'rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }' EXIT
export TMPDIR=$work

# The library runs in Node itself, which has a WebSocket from 22 on, and behind a flag before.
node=(node)
node -e 'process.exit(typeof WebSocket === "undefined" ? 1 : 0)' || node+=(--experimental-websocket)

run() {
    local status=0
    # In the foreground, so that Ctrl-C ends it; node takes the servers and the browser with it.
    timeout --foreground --kill-after=5 "${CHECK_PAGE_SECONDS:-600}" "${node[@]}" "$@" || status=$?
    [ "$status" != 124 ] || fail "not done after ${CHECK_PAGE_SECONDS:-600} s (CHECK_PAGE_SECONDS)"
    [ "$status" = 0 ] || fail "failed"
}

case ${1-} in
--screenshots)
    run tests/browser/screenshots.mjs "${2:?--screenshots DIR}"
    ;;
--pictures)
    run tests/browser/pictures.mjs
    ;;
-*)
    echo "usage: scripts/check-page.sh [PATTERN | --screenshots DIR | --pictures]" >&2
    exit 2
    ;;
*)
    run --test-reporter=spec ${1+--test-name-pattern="$1"} tests/browser/library.test.mjs
    run --test-reporter=spec ${1+--test-name-pattern="$1"} tests/browser/run.mjs
    ;;
esac
echo "check-page: passed"
