#!/bin/sh
# Installs what the tests need. The program itself needs a C compiler and make, and nothing else.
# Usage: scripts/bootstrap.sh [--bench]   --bench: also the servers and tools of the benchmarks
set -eu
cd "$(dirname "$0")/.."

packages="build-essential clang check netcat-openbsd pkg-config musl-tools chromium chromium-driver firefox-esr curl jq python3
    python3-websockets python3-flask nginx libnginx-mod-stream haproxy openssl redis-server valgrind shellcheck gcovr clang-format clang-tidy
    cppcheck nodejs mandoc universal-ctags gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user lintian fonts-noto-color-emoji systemd zsh fish zbar-tools zlib1g-dev"
bench_packages="python3-fastapi python3-uvicorn libwebsockets-dev gnuplot-nox"
peers=build/bench/peers
page_tests=build/browser
bench=0

case ${1-} in
'') ;;
--bench) bench=1 ;;
*)
    echo "usage: scripts/bootstrap.sh [--bench]" >&2
    exit 2
    ;;
esac
[ $bench = 0 ] || packages="$packages $bench_packages"
command -v npm >/dev/null || packages="$packages npm" # nodejs from elsewhere brings its own

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    cat <<TEXT
No apt-get here. Install by hand what your system calls these (Debian's names):
    $packages
make needs only a C11 compiler; make check needs libcheck, zlib and pkg-config; make smoke needs chromium, chromedriver,
curl, jq and python3; scripts/check-page.sh needs chromium, firefox, node, npm and then
    mkdir -p $page_tests && cp tests/browser/package.json $page_tests && npm install --prefix $page_tests
The rest is for make asan, tiny, static, fuzz, coverage, lint and .ci/run.
TEXT
    exit 1
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Those of the packages given that are not installed.
missing() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

install_missing() {
    # shellcheck disable=SC2046,SC2086  # lists of words
    set -- $(missing "$@")
    [ $# -gt 0 ] || return 0
    echo "installing: $*"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# The sanitizer and fuzzer runtimes come in a package named after the version of clang.
clang_runtime() {
    version=$(clang -dumpversion | cut -d . -f 1)
    if [ "$(apt-cache search --names-only "^libclang-rt-$version-dev\$" | wc -l)" = 0 ]; then
        echo "libclang-common-$version-dev"
    else
        echo "libclang-rt-$version-dev"
    fi
}

# shellcheck disable=SC2086  # lists of words
install_missing $packages
install_missing "$(clang_runtime)"
# The browser without a window of its own, where Debian has one: the page's tests take less than half the time with it.
if [ -n "$(apt-cache search --names-only '^chromium-headless-shell$')" ]; then
    install_missing chromium-headless-shell
fi
if ! cmp -s tests/browser/package.json $page_tests/package.json || ! [ -d $page_tests/node_modules/ajv ]; then
    rm -rf $page_tests
    mkdir -p $page_tests
    cp tests/browser/package.json $page_tests/
    npm install --no-fund --no-audit --no-package-lock --ignore-scripts --prefix $page_tests
fi
if [ $bench = 1 ] && ! { [ -d $peers/node_modules/ws ] && [ -d $peers/node_modules/bun ]; }; then
    mkdir -p $peers
    npm install --no-fund --no-audit --prefix $peers ws bun
fi
echo "everything that is needed is installed"
