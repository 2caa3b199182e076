#!/usr/bin/env bash
# Runs the proxies of docs/proxy/ as they stand there (but for ports and paths) in front of ./wschat, with a certificate of
# the moment, and chats through them.
# Usage: scripts/check-proxy.sh [nginx|haproxy]...   (default: both)
# A proxy that is not installed is skipped, unless CI=true. WSCHAT_BIN picks another binary.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${WSCHAT_BIN:-./wschat}
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
    [ -z "$work" ] || rm -rf "$work"
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

# Is the tool there? Skips it where it may.
have() {
    if command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; then
        return 0
    fi
    [ "${CI-}" != true ] || fail "$1 is missing; install it: apt-get install $1 (or scripts/bootstrap.sh)"
    echo "check-proxy: $1 is not installed: skipped"
    return 1
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

# until_true WHAT COMMAND...: a hang guard of ten seconds.
until_true() {
    local what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || fail "waited in vain: $what; $(cat "$work"/*.log)"
        sleep 0.05
    done
}

server_is_there() {
    server_port=$(sed -n 's|.*listening on http://127\.0\.0\.1:\([0-9]*\)/.*|\1|p' "$work/wschat.log") &&
        [ -n "$server_port" ]
}

start_server() {
    "$binary" --port 0 2>"$work/wschat.log" &
    server_pid=$!
    pids+=("$server_pid")
    until_true "wschat listens" server_is_there
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
        -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/key.pem" -out "$work/fullchain.pem" 2>/dev/null
    cat "$work/fullchain.pem" "$work/key.pem" >"$work/site.pem"
}

# The file of docs/proxy/ with the ports and paths of this run.
adapt() {
    sed -e "s|/etc/ssl/wschat|$work|; s|127\.0\.0\.1:8000|127.0.0.1:$server_port|; /\[::\]/d" \
        -e "s|listen 443|listen 127.0.0.1:$tls_port|; s|listen 80|listen 127.0.0.1:$plain_port|" \
        -e "s|bind :443|bind 127.0.0.1:$tls_port|; s|bind :80|bind 127.0.0.1:$plain_port|" "$1"
}

start_nginx() {
    adapt docs/proxy/nginx.conf >"$work/wschat.conf"
    cat >"$work/nginx.conf" <<CONFIG
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    include $work/wschat.conf;
}
CONFIG
    PATH=$PATH:/usr/sbin nginx -e "$work/nginx.log" -c "$work/nginx.conf" -p "$work" 2>"$work/nginx.err.log" &
    proxy_pid=$!
    pids+=("$proxy_pid")
}

start_haproxy() {
    adapt docs/proxy/haproxy.cfg >"$work/haproxy.cfg"
    PATH=$PATH:/usr/sbin haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
    proxy_pid=$!
    pids+=("$proxy_pid")
}

get() {
    curl -sS --max-time 10 --noproxy '*' --cacert "$work/fullchain.pem" "$@"
}

is_healthy() {
    [ "$(get "https://127.0.0.1:$tls_port/healthz" 2>/dev/null)" = ok ]
}

check_pages() {
    local where
    get "https://127.0.0.1:$tls_port/" | cmp - static/index.html || fail "$1: the page is not the page"
    get -I "https://127.0.0.1:$tls_port/" | grep -qi '^content-security-policy:' || fail "$1: no Content-Security-Policy"
    where=$(get -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:$plain_port/?room=x")
    [[ $where == "301 https://127.0.0.1"*"/?room=x" ]] || fail "$1: plain HTTP leads to: $where"
}

chat() {
    "$python" - "$tls_port" "$work/fullchain.pem" "$server_pid" <<'PYTHON'
import asyncio, json, os, signal, ssl, sys
import websockets

port, certificate, server = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
tls = ssl.create_default_context(cafile=certificate)


def connect(path, origin=f"https://127.0.0.1:{port}", **options):
    return websockets.connect(f"wss://127.0.0.1:{port}{path}", ssl=tls, origin=origin, max_size=None, **options)


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


async def main():
    async with connect("/ws") as echo:
        await echo.send("x" * 65536)
        await expect(echo, "Message text was: " + "x" * 65536)
        await echo.send("x" * 65537)
        await expect_close(echo, 1009)
    await expect_status("/ws", 403, origin="https://elsewhere.example")
    await expect_status("/ws", 403, origin=f"https://127.0.0.1.elsewhere.example:{port}")
    await expect_status("/ws/0", 400)
    one, two = await connect("/ws/1"), await connect("/ws/2")
    await one.send("hello")
    await expect(one, "You wrote: hello")
    await expect(two, "Client #1 says: hello")
    async with connect("/ws/2") as double:
        await expect_close(double, 4009)
    async with connect("/ws/3?room=lobby", subprotocols=["wschat.v1"]) as third:
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

check() {
    have "$1" || return 0
    work=$(mktemp -d)
    chmod 755 "$work"
    pick_ports
    make_certificate
    start_server
    "start_$1"
    until_true "$1 answers" is_healthy
    check_pages "$1"
    chat || fail "$1: the chat failed; $(cat "$work"/*.log)"
    kill "$proxy_pid"
    wait "$proxy_pid" "$server_pid" 2>/dev/null || true
    pids=()
    rm -rf "$work"
    work=
    echo "check-proxy: $1 passed"
}

[ $# -gt 0 ] || set -- nginx haproxy
[ -x "$binary" ] || fail "$binary is not there: build it with make"
find_python
trap cleanup EXIT
for proxy in "$@"; do
    check "$proxy"
done
