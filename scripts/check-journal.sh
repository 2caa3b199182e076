#!/usr/bin/env bash
# Does a journal keep its word under kill -9? Four clients in two rooms talk as fast as they are answered, while the server
# is killed at random and started again. Each comes back with its key and its position, says again what never came back, and
# checks that it hears everybody's messages once and in order, and nobody coming or going. Then the journal is verified.
# Usage: scripts/check-journal.sh [--kills N] [--messages N] [--sync always|interval|never] [--seed N]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${WSCHAT_BIN:-./wschat}
kills=20
messages=20000
sync=always
seed=1

while [ $# -gt 0 ]; do
    case $1 in
    --kills) kills=$2 && shift ;;
    --messages) messages=$2 && shift ;;
    --sync) sync=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    *) sed -n '/^# Usage/s/^# //p' "$0" >&2 && exit 2 ;;
    esac
    shift
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 tests/integration/kills.py --binary "$binary" --folder "$folder/journal" --kills "$kills" --messages "$messages" \
    --sync "$sync" --seed "$seed"
"$binary" journal verify "$folder/journal"
