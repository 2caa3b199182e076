#!/bin/sh
# Boots a real systemd as process 1 of namespaces of its own, over a copy of this system that is thrown away (an overlay in
# memory), and runs a script in it as a service. It sees the folder of that script as /mnt, and nothing else of here
# changes. Its output goes to stdout; the exit status is that of the script.
# Usage: tests/install/boot.sh SCRIPT   (as root; systemd, overlayfs, cgroup v2)
set -eu

script=$(realpath "$1")
share=$(dirname "$script")
hang=120 # s

# Inside: builds the new root and becomes its systemd.
become_init() {
    root=$share/root
    mount -t tmpfs tmpfs "$root"
    mkdir "$root/upper" "$root/work" "$root/new"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/new"
    root=$root/new
    mount -t proc proc "$root/proc"
    mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
    chmod 1777 "$root/tmp"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$share" "$root/mnt"
    rm -f "$root/usr/sbin/policy-rc.d" # it keeps packages from starting services where there is no systemd
    mkdir -p "$root/run/systemd/system"
    cat >"$root/run/systemd/system/check.service" <<TEXT
[Unit]
Wants=basic.target systemd-journald.service
After=basic.target systemd-journald.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c '/bin/sh /mnt/$(basename "$script"); echo \$\$? >/mnt/status'
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=append:/mnt/output
StandardError=append:/mnt/output
TEXT
    cd "$root"
    # Not chroot: in a chroot no service could have a user namespace.
    pivot_root . srv
    umount -l /srv
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=check.service --log-target=journal-or-kmsg
}

if [ "${2-}" = --inside ]; then
    become_init
fi
mkdir -p "$share/root"
rm -f "$share/output" "$share/status"
timeout -s KILL $hang unshare --pid --fork --kill-child --mount --propagation private --uts --ipc --net --cgroup \
    "$0" "$script" --inside </dev/null >"$share/boot.log" 2>&1 || true
rmdir "$share/root"
cat "$share/output" 2>/dev/null || { cat "$share/boot.log"; exit 1; }
exit "$(cat "$share/status" 2>/dev/null || echo 1)"
