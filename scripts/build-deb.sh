#!/bin/sh
# Builds build/deb/wschat_VERSION_ARCH.deb out of what `make install` puts into a folder. The same tree gives the same bytes:
# times are those of SOURCE_DATE_EPOCH, or of the last entry of scripts/deb/changelog.
# Usage: scripts/build-deb.sh VERSION [ARCH]   (make deb, make deb DEB_ARCH=arm64)
# ARCH: another one than this machine's, in Debian's words, by its cross compiler: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross
# for arm64. Completions come from a program that is built for this machine.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C

version=$1
maintainer=${DEB_MAINTAINER:-The wschat authors <wschat@example.org>}
work=$PWD/build/deb
root=$work/root
native=$(dpkg --print-architecture)
arch=${2:-$native}
objects=build/deb/objects
tools=
[ "$arch" = "$native" ] || {
    tools=$(dpkg-architecture -a "$arch" -q DEB_HOST_GNU_TYPE)-
    objects=build/deb/objects-$arch
    command -v "${tools}gcc" >/dev/null ||
        { echo "${tools}gcc is missing: apt-get install gcc-${tools%-} libc6-dev-$arch-cross" >&2; exit 1; }
}
package=$work/wschat_${version}_$arch.deb

[ "$(dpkg-parsechangelog -l scripts/deb/changelog -S Version)" = "$version" ] ||
    { echo "scripts/deb/changelog has no entry for $version" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -l scripts/deb/changelog -S Timestamp)}
export SOURCE_DATE_EPOCH
umask 022

stage() {
    rm -rf "$root"
    set -- BUILD="$objects" CFLAGS="-O2 -g -ffile-prefix-map=$PWD=."
    if [ -n "$tools" ]; then
        make --no-print-directory all
        set -- "$@" CC="${tools}gcc" HOSTCC=cc AR="${tools}ar" STRIP="${tools}strip" HELP_BINARY=./wschat
    fi
    make --no-print-directory "$@" DESTDIR="$root" PREFIX=/usr \
        UNITDIR=/lib/systemd/system ZSHCOMPDIR=/usr/share/zsh/vendor-completions install
    "${tools}strip" --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/wschat"
    gzip -9n "$root/usr/share/man/man1/wschat.1"
    install -D -m 644 scripts/deb/default "$root/etc/default/wschat"
    install -d "$root/usr/share/doc/wschat"
    gzip -9nc scripts/deb/changelog >"$root/usr/share/doc/wschat/changelog.gz"
    copyright >"$root/usr/share/doc/wschat/copyright"
}

# LICENSE in the form that Debian's tools read.
copyright() {
    cat <<TEXT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wschat

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' LICENSE)
License: Expat

License: Expat
$(sed -e '1,/^Copyright/d' LICENSE | sed -e 1d -e 's/^$/./' -e 's/^/ /')
TEXT
}

# What the program needs, by the symbols that it uses. Of another machine's libc dpkg knows nothing here; its versions say the same.
depends() {
    if [ -n "$tools" ]; then
        readelf -V "$root/usr/bin/wschat" | grep -o 'GLIBC_2[.0-9]*' | sort -V | sed -n '$s/GLIBC_\(.*\)/libc6 (>= \1)/p'
        return
    fi
    mkdir -p "$work/debian"
    printf 'Source: wschat\n\nPackage: wschat\nArchitecture: any\n' >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O root/usr/bin/wschat) | sed -n 's/^shlibs:Depends=//p'
}

control() {
    needed=$(depends)
    [ -n "$needed" ] || { echo "it is not known what the program needs" >&2; exit 1; }
    install -d "$root/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@MAINTAINER@/$maintainer/" \
        -e "s/@SIZE@/$(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f 1)/" -e "s/@DEPENDS@/$needed/" \
        scripts/deb/control >"$root/DEBIAN/control"
    (cd "$root" && find etc -type f | sed 's|^|/|') >"$root/DEBIAN/conffiles"
    (cd "$root" && find usr lib -type f | sort | xargs md5sum) >"$root/DEBIAN/md5sums"
    for script in postinst prerm postrm; do install -m 755 scripts/deb/$script "$root/DEBIAN/$script"; done
}

stage
control
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "${package#"$PWD"/}: $(du -k "$package" | cut -f 1) KiB, needs $(dpkg-deb -f "$package" Depends)"
