# shellcheck shell=bash
# A WebSocket in bash, for the chapters: `. docs/learn/ws.sh`. It hides nothing: the masking key is 0, so what is sent
# can be read, and what is read is not checked. The server is on port 8000, or on $WSCHAT_PORT.
WSCHAT_PORT=${WSCHAT_PORT:-8000}

# ws_open FD PATH [HEADER]: a WebSocket on the descriptor FD. The answer's head is in $head.
ws_open() {
    local line
    eval "exec $1<>/dev/tcp/127.0.0.1/$WSCHAT_PORT"
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' "$2" "$WSCHAT_PORT" >&"$1"
    printf 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n' "${3:+$3$'\r\n'}" >&"$1"
    head=
    while IFS= read -r -u "$1" line && [ "$line" != $'\r' ]; do head+=${line%$'\r'}$'\n'; done
}

# ws_bytes FD N: the next N bytes, in hexadecimal.
ws_bytes() {
    dd bs=1 count="$2" status=none <&"$1" | od -An -v -tx1 -w"$2" | sed 's/^ //'
}

# ws_text FD TEXT: a whole text frame, of less than 126 bytes.
ws_text() {
    local LC_ALL=C
    printf '%b%s' "\\x81\\x$(printf %02x $((128 + ${#2})))\\0\\0\\0\\0" "$2" >&"$1"
}

# ws_read FD: the payload of the next frame.
ws_read() {
    local len
    len=$((16#$(ws_bytes "$1" 2 | cut -d' ' -f2)))
    [ "$len" -lt 126 ] || len=$((16#$(ws_bytes "$1" 2 | tr -d ' ')))
    dd bs=1 count="$len" status=none <&"$1"
    echo
}
