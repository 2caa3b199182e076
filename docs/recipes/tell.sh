#!/bin/sh
# Says something in a room, from cron:   0 16 * * 1-5  WSCHAT_TOKEN_FILE=/etc/wschat/token tell.sh tea "Four o'clock."
set -eu
url=${WSCHAT_URL:-http://127.0.0.1:8000}
room=$(jq -rn --arg room "$1" '$room | @uri')
# Token and text come by files: others can see the arguments of a process. A try that is repeated has the same key, so that
# nothing is said twice.
jq -n --arg text "$2" '{$text}' | curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
    -H "Idempotency-Key: $room-$(date +%s)-$$" -H 'Content-Type: application/json' -H @"$WSCHAT_TOKEN_FILE" \
    --data-binary @- "$url/api/rooms/$room/messages"
