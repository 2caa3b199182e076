#!/bin/sh
# Under a systemd of its own (tests/install/boot.sh): installs /mnt/wschat.deb, and the service starts, lives, reloads, is
# restarted when it hangs, is started by a connection, stops, and leaves nothing behind.
set -eu

step() {
    echo "== $*"
}

# PROPERTY VALUE: what systemd says of the service.
is() {
    value=$(systemctl show wschat -p "$1" --value)
    [ "$value" = "$2" ] || {
        echo "$1 is \"$value\", not \"$2\""
        systemctl status wschat --no-pager -l
        journalctl --no-pager -u wschat | tail -n 30
        exit 1
    }
}

is_healthy() {
    [ "$(curl -sS http://127.0.0.1:8000/healthz)" = ok ]
}

# Waits until COMMAND succeeds; only a guard against hanging.
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "in vain: $*"; exit 1; }
        sleep 0.1
    done
}

has_restarted() {
    [ "$(systemctl show wschat -p NRestarts --value)" = 1 ] && [ "$(systemctl show wschat -p ActiveState --value)" = active ]
}

# TIMES: so often in all, or more.
is_upgraded() {
    [ "$(journalctl -u wschat | grep -c 'the keeper is the new program, too')" -ge "$1" ]
}

# More often than the five times after which systemd gives up where nobody says otherwise.
has_failed_often() {
    [ "$(systemctl show wschat -p NRestarts --value)" -gt 7 ]
}

is_healthy_at() {
    [ "$(curl -sS "http://$1:8000/healthz")" = ok ]
}

step "the package is installed, and its service runs"
dpkg -i --no-triggers /mnt/wschat.deb
is ActiveState active
is UnitFileState enabled
is StatusText '0 clients'
is_healthy
pid=$(systemctl show wschat -p MainPID --value)
echo hello | wschat join ws://127.0.0.1:8000
grep -E '^(Uid|NoNewPrivs|CapEff|Seccomp):' "/proc/$pid/status"
grep -q "^CapEff:.0000000000000000\$" "/proc/$pid/status"
[ "$(stat -c %u "/proc/$pid")" != 0 ]

step "a bound for memory that it stays far below while it is calm"
is MemoryMax 2147483648
is NRestarts 0

step "it reloads"
systemctl reload wschat
is ActiveState active
is MainPID "$pid"
journalctl -u wschat | grep -q 'nothing to reload'
until_true is_upgraded 1
is_healthy

step "the watchdog: it lives on while it runs, and is started again when it hangs"
mkdir -p /run/systemd/system/wschat.service.d
printf '[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n' >/run/systemd/system/wschat.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart wschat
sleep 3
is NRestarts 0
is ActiveState active
kill -STOP "$(systemctl show wschat -p MainPID --value)"
until_true has_restarted
journalctl -u wschat | grep -q 'Watchdog timeout'
is_healthy

step "an upgrade hands over who is there, and the process of the service stays"
pid=$(systemctl show wschat -p MainPID --value)
mkfifo /run/words
wschat join ws://127.0.0.1:8000 </run/words >/run/heard 2>&1 &
joined=$!
exec 8>/run/words
echo before >&8
until_true grep -q before /run/heard
dpkg -i --no-triggers /mnt/wschat.deb
is ActiveState active
is MainPID "$pid"
[ "$(readlink "/proc/$pid/exe")" = /usr/bin/wschat ] || { echo "it is the old one"; exit 1; }
journalctl -u wschat | grep 'took over from the worker before' | tail -n 1
echo behind >&8
until_true grep -q behind /run/heard
exec 8>&-
wait "$joined"
is_healthy

step "it may take as long as --shutdown-timeout to stop, whatever the unit says"
printf '[Service]\nTimeoutStopSec=1\nEnvironment=WSCHAT_SHUTDOWN_TIMEOUT=3\n' >/run/systemd/system/wschat.service.d/stop.conf
systemctl daemon-reload
systemctl restart wschat
# A client that never answers.
bash -c 'exec 9<>/dev/tcp/127.0.0.1/8000 && printf "%s\r\n" "GET /ws/7 HTTP/1.1" "Host: x" "Upgrade: websocket" \
    "Connection: Upgrade" "Sec-WebSocket-Version: 13" "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" "" >&9 &&
    head -n 1 <&9 >/run/answer && sleep 60' &
until_true grep -qs 101 /run/answer
systemctl stop wschat
is Result success
rm -r /run/systemd/system/wschat.service.d
systemctl daemon-reload
systemctl start wschat

step "it stops"
systemctl stop wschat
is Result success
is ActiveState inactive

step "a connection starts it by wschat.socket"
systemctl disable wschat
systemctl enable --now wschat.socket
is ActiveState inactive
is_healthy
is ActiveState active
dpkg -i --no-triggers /mnt/wschat.deb
is_healthy
is UnitFileState disabled
systemctl stop wschat.socket wschat

step "options come from /etc/default/wschat, and wrong ones are not tried again"
echo WSCHAT_LISTEN=127.0.0.1:8001 >>/etc/default/wschat
systemctl start wschat
[ "$(curl -sS http://127.0.0.1:8001/healthz)" = ok ]
echo WSCHAT_LISTEN=nowhere >>/etc/default/wschat
systemctl restart wschat || true
is ActiveState failed
is ExecMainStatus 2

step "an address that comes late is waited for, however often it fails"
cp /etc/default/wschat /run/default
echo WSCHAT_LISTEN=192.0.2.1:8000 >/etc/default/wschat
mkdir -p /run/systemd/system/wschat.service.d
printf '[Service]\nRestartSec=50ms\n' >/run/systemd/system/wschat.service.d/pause.conf # that the test need not wait
systemctl daemon-reload
systemctl reset-failed
systemctl start wschat || true
until_true has_failed_often
ip address add 192.0.2.1/32 dev lo
until_true is_healthy_at 192.0.2.1
is ActiveState active
systemctl stop wschat
rm -r /run/systemd/system/wschat.service.d
systemctl daemon-reload
mv /run/default /etc/default/wschat
systemctl start wschat || true # wrong options again, as before

step "it is removed, and nothing is left"
dpkg -P --no-triggers wschat
is ActiveState failed
systemctl reset-failed
left=$(find /etc /usr/bin /usr/share /lib/systemd /var/lib/systemd /run/wschat -name '*wschat*' 2>/dev/null || true)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
