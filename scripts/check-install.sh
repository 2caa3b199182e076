#!/usr/bin/env bash
# What `make install` and `make deb` make, used: completions in real shells, the unit files, the installed tree, the package
# (lintian; the same bytes from another folder), the one for arm64 (run by qemu), what goes into a container, alone in a
# folder, and its service under a real systemd (as root, where namespaces may be made).
# Usage: scripts/check-install.sh VERSION [PART...]   parts: completions tree units package arm64 container service (all)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

version=$1
shift
binary=$PWD/wschat
exposure_max=15 # tenths; what systemd-analyze security may say at most
work=$(mktemp -d)
tried= # a server that must not outlive us
trap '[ -z "$tried" ] || kill "$tried"; rm -rf "$work"' EXIT
[ -x "$binary" ] || make all

fail() {
    echo "check-install: $*" >&2
    exit 1
}

# Lines as they are typed, with the Tab key behind them, and what they become.
typed=(
    'wschat --broadc' 'wschat --broadcast'
    'wschat --broadcast ot' 'wschat --broadcast others'
    'wschat --broadcast=al' 'wschat --broadcast=all'
    'wschat --port 1 --log-lev' 'wschat --port 1 --log-level'
    'wschat --log-level warn' 'wschat --log-level warning'
    'wschat --static fold' 'wschat --static folder'
    'wschat --static=fold' 'wschat --static=folder'
    'wschat --base-path fold' 'wschat --base-path fold' # no file
    'wschat --proxy-header forw' 'wschat --proxy-header forwarded'
    'wschat --proxy-header=pro' 'wschat --proxy-header=proxy-protocol'
    'wschat --trusted-proxy unix --trust' 'wschat --trusted-proxy unix --trusted-proxy'
    'wschat --max-clients 1' 'wschat --max-clients 1'
    'wschat --user roo' 'wschat --user root'
    'wschat joi' 'wschat join'
    'wschat --port 1 joi' 'wschat --port 1 joi'
    'wschat join --jso' 'wschat join --json'
    'wschat join --color nev' 'wschat join --color never'
    'wschat join --color=nev' 'wschat join --color=never'
    'wschat join unix:x --roo' 'wschat join unix:x --room'
    'wschat join --broadc' 'wschat join --broadc'
)

check_completions() {
    local shell file i lines=() want=()
    mkdir -p "$work/here/folder"
    touch "$work/here/folded" # a file, which --static does not want
    for ((i = 0; i < ${#typed[@]}; i += 2)); do
        lines+=("${typed[i]}")
        want+=("${typed[i + 1]}")
    done
    for shell in bash zsh fish; do
        file=$work/_wschat
        scripts/completion.sh "$shell" "$binary" >"$file"
        (cd "$work/here" && python3 "$OLDPWD/tests/install/complete.py" "$shell" "$file" "${lines[@]}") |
            sed 's|/$||' >"$work/got"
        printf '%s\n' "${want[@]}" | diff - "$work/got" >"$work/diff" ||
            fail "completion of $shell (<: wanted):
$(cat "$work/diff")"
        echo "completion of $shell: ${#lines[@]} lines"
    done
}

check_tree() {
    local tree=$work/tree want
    want="usr/bin/wschat usr/lib/systemd/system/wschat.service usr/lib/systemd/system/wschat.socket
usr/lib/systemd/system/wschat@.service usr/share/bash-completion/completions/wschat usr/share/fish/vendor_completions.d/wschat.fish usr/share/man/man1/wschat.1
usr/share/zsh/site-functions/_wschat"
    make --no-print-directory DESTDIR="$tree" PREFIX=/usr install >/dev/null
    [ "$(cd "$tree" && find . -type f | sed 's|^./||' | sort | xargs)" = "$(echo "$want" | xargs)" ] ||
        fail "make install puts there: $(find "$tree" -type f)"
    grep -qx 'ExecStart=/usr/bin/wschat' "$tree/usr/lib/systemd/system/wschat.service" ||
        fail "the unit does not start /usr/bin/wschat"
    ! readelf -S "$tree/usr/bin/wschat" | grep -q '[.]debug_info' || fail "debug information is installed"
    [ "$("$tree/usr/bin/wschat" --version)" = "wschat $version" ] || fail "the installed program does not run"
    touch "$tree/usr/bin/other"
    make --no-print-directory DESTDIR="$tree" PREFIX=/usr uninstall >/dev/null
    [ "$(find "$tree" -type f)" = "$tree/usr/bin/other" ] || fail "make uninstall leaves: $(find "$tree" -type f)"
    echo "make install, make uninstall: $(echo "$want" | wc -w) files"
}

check_units() {
    local exposure unit
    make --no-print-directory build/release/wschat@.service
    sed "s|^ExecStart=[^ ]*|ExecStart=$binary|" build/release/wschat@.service >"$work/wschat@.service"
    for unit in 'ExecStart=.* --node %i --reuse-port' 'User=wschat-nodes' 'RuntimeDirectory=wschat-%i' \
        'EnvironmentFile=-/etc/default/wschat-%i'; do
        grep -qx "$unit" "$work/wschat@.service" || fail "wschat@.service has no $unit"
    done
    sed "s|^ExecStart=[^ ]*|ExecStart=$binary|" docs/systemd/wschat.service >"$work/wschat.service"
    cp docs/systemd/wschat.socket "$work/"
    cp "$work/wschat@.service" "$work/wschat@1.service"
    systemd-analyze verify --man=no "$work/wschat.service" "$work/wschat.socket" "$work/wschat@1.service" 2>&1 | tee "$work/verify"
    [ ! -s "$work/verify" ] || fail "systemd-analyze verify complains"
    exposure=$(systemd-analyze security --offline=yes "$work/wschat.service" |
        sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
    [ "$(echo "$exposure" | tr -d .)" -le "$exposure_max" ] || fail "exposure of $exposure"
    echo "units: verified; exposure $exposure of 10"
}

check_package() {
    local package again=$work/again
    package=build/deb/wschat_${version}_$(dpkg --print-architecture).deb
    scripts/build-deb.sh "$version" >"$work/deb.log" || fail "$(tail "$work/deb.log")"
    tail -n 1 "$work/deb.log"
    lintian --allow-root --fail-on error,warning "$package" || fail "lintian complains"
    mkdir "$again"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$again"
    (cd "$again" && scripts/build-deb.sh "$version" >/dev/null)
    cmp "$package" "$again/$package" || fail "another folder gives another package"
    echo "package: lintian has nothing to say; the same bytes from another folder"
}

# Starts a server by this command and --port 0, chats with it, and stops it.
try_server() {
    local log=$work/try.log url
    : >"$log"
    "$@" --port 0 2>"$log" &
    tried=$!
    for _ in $(seq 100); do
        url=$(sed -n 's|.*listening on http://\(127[^ ]*\)/|\1|p' "$log")
        [ -z "$url" ] || break
        sleep 0.1
    done
    [ -n "$url" ] || fail "$1 does not start: $(cat "$log")"
    [ "$(curl -fsS "http://$url/healthz")" = ok ] || fail "$1 is not well"
    printf 'hi\n' | "$binary" join "ws://$url" --name ada | grep -q 'ada: hi' || fail "nobody can chat with $1"
    kill "$tried"
    wait "$tried" || fail "$1 does not end well: $(cat "$log")"
    tried=
}

# Of a libc that is not installed here: the package asks for the newest version of which the program uses something, no other.
expect_libc() {
    local newest
    newest=$(readelf -W --dyn-syms "$2" | grep -o '@GLIBC_[0-9.]*' | sed 's/.*_//' | sort -V | tail -n 1)
    [ "$(dpkg-deb -f "$1" Depends)" = "libc6 (>= $newest)" ] ||
        fail "the program uses glibc $newest, and the package asks for $(dpkg-deb -f "$1" Depends)"
}

check_arm64() {
    local package=build/deb/wschat_${version}_arm64.deb tree=$work/arm64
    { command -v aarch64-linux-gnu-gcc && command -v qemu-aarch64; } >/dev/null ||
        { echo "arm64: left out, gcc-aarch64-linux-gnu or qemu-user is missing"; return; }
    scripts/build-deb.sh "$version" arm64 >"$work/arm64.log" 2>&1 || fail "$(tail "$work/arm64.log")"
    lintian --allow-root --fail-on error,warning "$package" || fail "lintian complains"
    dpkg-deb -x "$package" "$tree"
    expect_libc "$package" "$tree/usr/bin/wschat"
    try_server qemu-aarch64 -L /usr/aarch64-linux-gnu "$tree/usr/bin/wschat"
    echo "arm64: a package by the cross compiler, whose program runs"
}

# As docs/docker/Dockerfile has it, but for docker: the static program in an empty folder, as a user that nobody has named.
check_container() {
    local root=$work/root
    if [ "$(id -u)" != 0 ] || ! command -v musl-gcc >/dev/null; then
        echo "container: left out, it takes root and musl-gcc"
        return
    fi
    make --no-print-directory MODE=static CC=musl-gcc HOSTCC=gcc >"$work/static.log" 2>&1 || fail "$(tail "$work/static.log")"
    chmod 711 "$work"
    install -D -m 755 build/static/wschat "$root/wschat"
    install -d -o 65534 -g 65534 "$root/journal"
    try_server chroot --userspec=65534:65534 "$root" /wschat --journal /journal
    "$binary" journal dump "$root/journal" | grep -q 'hi' || fail "what was said is not in the journal"
    echo "container: the static program needs nothing beside it"
}

check_service() {
    unshare --pid --fork --mount mount -t cgroup2 none /mnt 2>/dev/null ||
        { echo "service: left out, it takes root, namespaces and cgroup v2"; return; }
    mkdir "$work/boot"
    cp "build/deb/wschat_${version}_$(dpkg --print-architecture).deb" "$work/boot/wschat.deb"
    cp tests/install/service.sh "$work/boot/"
    tests/install/boot.sh "$work/boot/service.sh" || fail "the service"
    echo "service: started, watched, reloaded, activated and stopped by a real systemd"
}

[ $# -gt 0 ] || set -- completions tree units package arm64 container service
for part in "$@"; do "check_$part"; done
echo "check-install: passed"
