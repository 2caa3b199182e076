#!/bin/sh
# Makes the pictures of the documents anew, from a real server with a real browser and a real terminal: docs/page-light.png,
# page-dark.png, status-page.png, terminal.svg. Look at them before they go in.
# Usage: scripts/pictures.sh   WSCHAT_BIN picks another binary
set -eu
cd "$(dirname "$0")/.."
[ -x "${WSCHAT_BIN:-./wschat}" ] || make all
scripts/check-page.sh --pictures
scripts/record-terminal.py docs/terminal.svg
ls -l docs/*.png docs/terminal.svg
