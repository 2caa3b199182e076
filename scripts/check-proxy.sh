#!/usr/bin/env bash
# Runs the proxies of docs/proxy/ as they stand there (but for ports, paths, and what a variant is about) in front of
# ./wschat, with a certificate of the moment, and goes through them with a client of its own and with a real browser. The
# server must know each client's true address, whatever the client says itself. Event streams come unbuffered and go on
# where they were cut. The proxies' logs know the paths, and no query, key or token.
# Usage: scripts/check-proxy.sh [VARIANT]...   (default: all of them; see `variant` below)
# What is not installed is skipped, unless CI=true. WSCHAT_BIN picks another binary, CHROMIUM another browser.
set -euo pipefail
cd "$(dirname "$0")/.."

variants=(nginx nginx-forwarded nginx-base nginx-below nginx-unix nginx-stream nginx-second
    haproxy haproxy-v1 haproxy-v2 haproxy-base)
binary=${WSCHAT_BIN:-./wschat}
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so
work=
pids=()

fail() {
    echo "check-proxy: $*" >&2
    exit 1
}

cleanup() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    [ -z "$work" ] || rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
}

# The first Python that has websockets: there may be several.
find_python() {
    local each
    for each in python3 /usr/bin/python3; do
        if "$each" -c 'import websockets' 2>/dev/null; then
            python=$each
            return
        fi
    done
    fail "Python's websockets is missing; install it: apt-get install python3-websockets (or scripts/bootstrap.sh)"
}

# absent WHAT PACKAGE: it is skipped where it may be. Returns 1.
absent() {
    [ "${CI-}" != true ] || fail "$1 is missing; install it: apt-get install $2 (or scripts/bootstrap.sh)"
    echo "check-proxy: $1 is not installed: skipped"
    return 1
}

have() {
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || absent "$1" "$1"
}

have_stream() {
    [ -e $stream_module ] || PATH=$PATH:/usr/sbin nginx -V 2>&1 | grep -q -e '--with-stream ' ||
        absent "nginx's stream module" libnginx-mod-stream
}

have_browser() {
    CHROMIUM=${CHROMIUM:-$(scripts/find-chromium.sh)} ||
        absent Chromium chromium || return
    export CHROMIUM
    command -v node >/dev/null || absent node nodejs || return
    [ -d build/browser/node_modules/playwright-core ] || absent playwright-core "nothing, but run scripts/bootstrap.sh"
}

# Two free ports, in tls_port and plain_port.
pick_ports() {
    read -r tls_port plain_port < <("$python" - <<'PYTHON'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
    )
}

# until_true WHAT COMMAND...: a hang guard of half a minute.
until_true() {
    local what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -le 600 ] || fail "waited in vain: $what; $(cat "$work"/*.log)"
        sleep 0.05
    done
}

# ---- The variants ----

# Sets what a variant is about: the proxy and its file, the server's options, the path that the page is at (and at the
# server itself, where that differs), how the file
# is changed (a sed script), and whether a browser goes there too.
variant() {
    proxy=${1%%-*} path=/ below='' change='' browser=
    file=$proxy.conf
    [ "$proxy" = nginx ] || file=haproxy.cfg
    options=(--trusted-proxy 127.0.0.1)
    case $1 in
    nginx | haproxy) browser=1 ;;
    # The other field, and nothing but that.
    nginx-forwarded)
        options+=(--proxy-header forwarded)
        # shellcheck disable=SC2016  # the dollars are nginx's
        change='s|For $remote_addr;|For "";|; s|Forwarded "";|Forwarded "for=\\"$remote_addr:$remote_port\\"";|'
        ;;
    # Everything below a path, which the server knows, or which nginx takes off.
    nginx-base | haproxy-base)
        options+=(--base-path /chat)
        path=/chat/ browser=1
        ;;
    nginx-below)
        path=/below/ below=/ browser=1
        change='s|location /|location /below/|; s|http://wschat;|http://wschat/;|'
        ;;
    nginx-unix)
        options=(--trusted-proxy unix --listen "unix:$work/wschat.sock")
        change="s|server 127.0.0.1:[0-9]*;|server unix:$work/wschat.sock;|"
        ;;
    nginx-stream)
        options+=(--proxy-header proxy-protocol)
        file=nginx-stream.conf
        ;;
    # Behind HAProxy, which writes the field; so nginx appends to it.
    nginx-second)
        # shellcheck disable=SC2016
        change='s|For $remote_addr;|For $proxy_add_x_forwarded_for;|'
        ;;
    haproxy-v1) change='s| check$| check send-proxy|' ;;
    haproxy-v2)
        options+=(--proxy-header proxy-protocol)
        change='s| check$| check send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority,crc32c,unique-id|'
        ;;
    *) fail "there is no variant $1; there are: ${variants[*]}" ;;
    esac
}

server_is_there() {
    server_port=$(sed -n 's|.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*|\1|p' "$work/wschat.log") &&
        [ -n "$server_port" ]
}

start_server() {
    : >"$work/wschat.log"
    (umask 077 && head -c 32 /dev/urandom | base64 >"$work/keys")
    "$binary" --port 0 --host 127.0.0.1 --max-clients-per-ip 4 --token-key "$work/keys" --anonymous sub,pub,prs,hst,dir --history 1000 \
        "${options[@]}" 2>>"$work/wschat.log" &
    server_pid=$!
    pids+=("$server_pid")
    until_true "wschat listens" server_is_there
    behind=http://127.0.0.1:$server_port${below:-$path}
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
        -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/key.pem" -out "$work/fullchain.pem" 2>/dev/null
    cat "$work/fullchain.pem" "$work/key.pem" >"$work/site.pem"
}

# The file of docs/proxy/ with the ports and paths of this run, and the change of its variant.
adapt() {
    sed -e "s|/etc/ssl/wschat|$work|; s|127\.0\.0\.1:8000|127.0.0.1:$server_port|; /\[::\]/d" \
        -e "s|chat\.example\.com|127.0.0.1|" -e "s|/var/log/nginx/wschat.log|$work/access.log|; s|log /dev/log |log stdout format raw |" \
        -e "s|listen 443|listen 127.0.0.1:$tls_port|; s|listen 80|listen 127.0.0.1:$plain_port|" \
        -e "s|bind :443|bind 127.0.0.1:$tls_port|; s|bind :80|bind 127.0.0.1:$plain_port|" "docs/proxy/$file" >"$work/as-is"
    sed "$change" "$work/as-is" >"$work/$file"
    [ -z "$change" ] || ! cmp -s "$work/as-is" "$work/$file" || fail "docs/proxy/$file lacks what is to be changed"
}

start_nginx() {
    adapt
    if [ "$file" = nginx-stream.conf ]; then
        [ ! -e $stream_module ] || echo "load_module $stream_module;"
        echo "include $work/$file;"
    else
        cat <<CONFIG
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    include $work/$file;
}
CONFIG
    fi >"$work/main.conf"
    echo "daemon off; pid $work/nginx.pid; error_log $work/nginx.log; events {}" >>"$work/main.conf"
    PATH=$PATH:/usr/sbin nginx -e "$work/nginx.log" -c "$work/main.conf" -p "$work" 2>"$work/nginx.err.log" &
    proxy_pid=$!
    pids+=("$proxy_pid")
}

start_haproxy() {
    adapt
    PATH=$PATH:/usr/sbin haproxy -db -f "$work/$file" >"$work/haproxy.log" 2>&1 &
    proxy_pid=$!
    pids+=("$proxy_pid")
}

# HAProxy in front of nginx. The ports are those of HAProxy then.
start_front() {
    server_port=$tls_port
    pick_ports
    file=haproxy.cfg change='s| check$| ssl verify none|'
    start_haproxy
}

# ---- What must hold ----

get() {
    curl -sS --max-time 10 --noproxy '*' --cacert "$work/fullchain.pem" "$@"
}

is_healthy() {
    [ "$(get "${url}healthz" 2>/dev/null)" = ok ]
}

check_pages() {
    local where direct=()
    [[ " ${options[*]} " != *" proxy-protocol "* ]] || direct=(--haproxy-protocol)
    get "$url" | cmp - <(get "${direct[@]}" "$behind") || fail "$1: the page is not the page"
    get -I "$url" | grep -qi '^content-security-policy:' || fail "$1: no Content-Security-Policy"
    if [ "$path" != / ]; then
        where=$(get -L -o /dev/null -w '%{http_code} %{url_effective}' "${url%/}?room=x")
        [ "$where" = "200 ${url}?room=x" ] || fail "$1: without its slash the page leads to: $where"
        where=$(get -o /dev/null -w '%{http_code}' "${url%"$path"}/echo")
        [ "$where" = 404 ] || fail "$1: there is a page outside of $path"
    fi
    where=$(get -o /dev/null -w '%{http_code}' -H 'Host: elsewhere.example' "$url")
    [ "$where" = 421 ] || fail "$1: a name that is not the server's gets $where"
    [ "$file" != nginx-stream.conf ] || return 0
    where=$(get -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:$plain_port/?room=x")
    [[ $where == "301 https://127.0.0.1"*"/?room=x" ]] || fail "$1: plain HTTP leads to: $where"
}

browse() {
    local spki
    have_browser || return 0
    spki=$(openssl pkey -in "$work/key.pem" -pubout -outform der | openssl dgst -sha256 -binary | base64)
    TMPDIR=$work timeout --foreground --kill-after=5 120 node tests/browser/proxied.mjs "$url" "$spki"
}

# The client's address is 127.0.0.5, and sometimes 127.0.0.6; it says that it is 203.0.113.9.
chat() {
    "$python" - "$url" "$work/fullchain.pem" "$server_pid" <<'PYTHON'
import asyncio, json, os, random, signal, ssl, sys
from urllib.parse import urlsplit
import websockets

url, certificate, server = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
tls = ssl.create_default_context(cafile=certificate)
spoofed = [("X-Forwarded-For", "203.0.113.9"), ("x-forwarded-for", "203.0.113.9, 127.0.0.1"),
           ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")]


def connect(path, origin=f"https://{url.netloc}", source="127.0.0.5", **options):
    return websockets.connect(f"wss://{url.netloc}{url.path}{path}", ssl=tls, origin=origin, max_size=None,
                              local_addr=(source, 0), extra_headers=spoofed, **options)


async def expect(socket, text):
    got = await asyncio.wait_for(socket.recv(), 10)
    assert got == text, f"{got!r} in place of {text!r}"


async def expect_close(socket, code):
    await asyncio.wait_for(socket.wait_closed(), 10)
    assert socket.close_code == code, f"closed with {socket.close_code} in place of {code}"


async def expect_status(path, status, **options):
    try:
        async with connect(path, **options):
            raise AssertionError(f"{path} was taken in place of a {status}")
    except websockets.WebSocketException as error:
        assert str(status) in str(error), f"{error} in place of a {status}"


# Behind what the proxy sends, a PROXY header is no HTTP.
async def expect_no_header():
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=tls, local_addr=("127.0.0.5", 0))
    writer.write(b"PROXY TCP4 203.0.113.9 203.0.113.9 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.") and b" 400 " in answer[:16] or b"400 Bad" in answer[:300], answer
    writer.close()


async def limits():
    sockets = [await connect("ws") for _ in range(4)]
    await expect_status("ws", 429)
    sockets.append(await connect("ws", source="127.0.0.6"))
    for socket in sockets:
        await socket.close()


# What a listener hears of ten senders who do not wait, though it is cut at any byte, again and again. They keep what they
# hear: with a full queue the library would not read the answer to its Close.
async def events():
    chance, heard, last = random.Random(1), [], None
    senders = [await connect(f"ws/{10 + i}?room=busy", source=f"127.0.0.{10 + i}", max_queue=None,
                             subprotocols=["wschat.v1", "key.none"]) for i in range(10)]
    for cut in range(21):
        reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=tls, local_addr=(f"127.0.0.{30 + cut}", 0))
        writer.write(f"GET {url.path}api/rooms/busy/events?last=0 HTTP/1.0\r\nHost: {url.netloc}\r\n".encode()
                     + (f"Last-Event-ID: {last}\r\n".encode() if last else b"") + b"\r\n")
        got = await asyncio.wait_for(reader.readuntil(b"event: welcome\n"), 10)
        assert b" 200 " in got.split(b"\r\n")[0], got
        last = last or got.split(b"id: ")[1].split(b"\n")[0].decode()
        await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)
        if cut < 20:
            for number in range(cut * 30, cut * 30 + 30):
                await senders[number % 10].send(json.dumps({"type": "say", "text": str(number // 10)}))
            got = await asyncio.wait_for(reader.readexactly(chance.randrange(1, 100 * (cut * 30 + 30 - len(heard)))), 10)
        else:
            got = b""
        while cut == 20 and len(heard) + got.count(b"event: message\n") < 600:
            got += await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)
        for event in got.split(b"\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in event.decode().split("\n") if ": " in line)
            last = fields.get("id", last)
            if fields.get("event") == "message":
                message = json.loads(fields["data"])
                heard.append((message["from"], int(message["text"])))
        writer.close()
    for sender in range(10, 20):
        said = [text for who, text in heard if who == sender]
        assert said == list(range(60)), f"{sender}: {said}"
    for socket in senders:
        await socket.close()


async def main():
    await limits()
    await events()
    await expect_no_header()
    async with connect("ws") as echo:
        await echo.send("x" * 65536)
        await expect(echo, "Message text was: " + "x" * 65536)
        # In two pieces: a proxy that still has much to pass on when the server ends may reset instead of telling why.
        await echo.send(["x" * 65536, "x"])
        await expect_close(echo, 1009)
    await expect_status("ws", 403, origin="https://elsewhere.example")
    await expect_status("ws", 403, origin=f"https://127.0.0.1.elsewhere.example:{url.port}")
    await expect_status("ws/0", 400)
    one, two = await connect("ws/1?room=den"), await connect("ws/2?room=den", source="127.0.0.6")
    await one.send("hello")
    await expect(one, "You wrote: hello")
    await expect(two, "Client #1 says: hello")
    async with connect("ws/2?room=den") as double:
        await expect_close(double, 4009)
    async with connect("ws/3?room=den", subprotocols=["wschat.v1"]) as third:
        welcome = json.loads(await third.recv())
        assert third.subprotocol == "wschat.v1" and welcome["count"] == 3, welcome
    await expect(one, "Client #3 left the chat")
    await two.close(4321, "enough")
    assert two.close_code == 4321, two.close_code
    await expect(one, "Client #2 left the chat")
    os.kill(server, signal.SIGTERM)
    await expect_close(one, 1001)


asyncio.run(asyncio.wait_for(main(), 60))
PYTHON
}

# Each proxy that reads HTTP has logged the paths, and nothing of a query or a secret.
check_access_log() {
    local log=$work/access.log
    [ "$file" != haproxy.cfg ] || log=$work/haproxy.log
    [ "$file" != nginx-stream.conf ] || return 0
    until_true "$1 logs what was asked for" grep -q "${path}api/rooms/busy/events" "$log"
    until_true "$1 logs who chatted" grep -q "${path}ws/3" "$log"
    ! grep -E 'room=|since=|last=|key\.|bearer\.|\?' "$log" || fail "$1: its log has a query or a secret"
}

# The log tells each of them, and where each of them is.
check_log() {
    local id source
    for id in 1:5 2:6 3:5; do
        source=127.0.0.${id#*:} id=${id%:*}
        grep -qE "msg=\"websocket ended\" from=$source(:[0-9]+)? id=$id " "$work/wschat.log" ||
            fail "$1: the log does not tell that client $id is at $source: $(cat "$work/wschat.log")"
    done
    ! grep -F 203.0.113 "$work/wschat.log" || fail "$1: the client was believed"
}

check() {
    have "${1%%-*}" || return 0
    [ "$1" != nginx-stream ] || have_stream || return 0
    [ "$1" != nginx-second ] || have haproxy || return 0
    work=$(mktemp -d)
    chmod 755 "$work"
    variant "$1"
    pick_ports
    make_certificate
    start_server
    [ "$1" != nginx-unix ] || chmod 666 "$work/wschat.sock"
    "start_$proxy"
    [ "$1" != nginx-second ] || start_front
    url=https://127.0.0.1:$tls_port$path
    until_true "$1 answers" is_healthy
    check_pages "$1"
    [ -z "$browser" ] || browse || fail "$1: the browser failed; $(cat "$work"/*.log)"
    chat || fail "$1: the chat failed; $(cat "$work"/*.log)"
    check_access_log "$1"
    kill "$proxy_pid"
    wait "$proxy_pid" "$server_pid" 2>/dev/null || true
    check_log "$1"
    cleanup
    pids=() work=
    echo "check-proxy: $1 passed"
}

[ $# -gt 0 ] || set -- "${variants[@]}"
[ -x "$binary" ] || fail "$binary is not there: build it with make"
find_python
trap cleanup EXIT
for each in "$@"; do
    check "$each"
done
