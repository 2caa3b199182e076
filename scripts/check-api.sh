#!/usr/bin/env bash
# docs/openapi.json, docs/api.md and docs/recipes: tried at a real server (tests/api).
# Usage: scripts/check-api.sh      WSCHAT_BIN picks another binary, CHROMIUM another browser
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "check-api: $*" >&2
    exit 1
}

command -v node >/dev/null || fail "node is missing; install it: apt-get install nodejs (or scripts/bootstrap.sh)"
[ -d build/browser/node_modules/ajv ] || fail "the npm module ajv is missing: run scripts/bootstrap.sh"
for PYTHON in python3 /usr/bin/python3; do # another one may stand before the one that has Debian's modules
    ! "$PYTHON" -c 'import flask, websockets' 2>/dev/null || break
    [ "$PYTHON" = python3 ] || fail "Python's flask or websockets is missing: run scripts/bootstrap.sh"
done
export PYTHON
CHROMIUM=${CHROMIUM:-$(scripts/find-chromium.sh)} || fail "Chromium is missing: run scripts/bootstrap.sh"
export CHROMIUM
export WSCHAT_BIN=${WSCHAT_BIN:-./wschat}
[ -x "$WSCHAT_BIN" ] || make all
timeout --foreground 300 node --test-reporter=spec --test-timeout=120000 tests/api/run.mjs || fail "failed"
echo "check-api: passed"
