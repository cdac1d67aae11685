#!/bin/bash
# Runs a command in the folder $1 as its root, with nothing of this machine but its kernel: without a network, without
# /dev/kvm, in namespaces of its own, so that whatever it starts ends with it. Called by way of
# `unshare --mount --net --pid --fork --kill-child`.
set -e
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom tty net/tun; do
  [ -e "/dev/$device" ] || continue
  case $device in */*) mkdir -p "$root/dev/${device%/*}" ;; esac
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mknod -m 666 "$root/dev/ptmx" c 5 2
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs tmpfs "$root/dev/shm"
ip link set lo up
# Not chroot alone: libvirt gives each QEMU a /dev of its own and looks for mounts from the true root.
cd "$root"
pivot_root . mnt
exec chroot . env -i PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LC_ALL=C.UTF-8 \
  bash -c 'umount -l /mnt && exec "$@"' - "$@"
