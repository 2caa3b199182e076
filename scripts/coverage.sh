#!/bin/sh
# Reports the branch coverage of base, proto, auth and chat, and names the lines with a branch that no test takes.
# Usage: scripts/coverage.sh BUILD MINIMUM   (make coverage calls it after the tests)
set -eu
cd "$(dirname "$0")/.."

build=${1:?usage: scripts/coverage.sh BUILD MINIMUM}
minimum=${2:?how many per cent at least?}
command -v gcovr >/dev/null || { echo "gcovr is missing: apt-get install gcovr" >&2; exit 1; }

echo "Lines with a branch that no test takes:"
gcovr --root . --object-directory "$build" --filter '(src|include)/(base|proto|auth|chat)/' \
    --exclude-unreachable-branches --branches --print-summary --fail-under-branch "$minimum" "$build"
