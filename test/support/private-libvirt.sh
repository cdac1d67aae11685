#!/bin/bash
# The first process of a libvirt of its own: private namespaces, a private libvirtd, and commands on stdin, each
# answered with a line on stdout. At the end of stdin it ends, and the kernel ends everything in here with it.
# bash and no smaller shell, because the first process must reap what QEMU and dnsmasq leave.
root=$1
exec 3>&1 >>"$root/daemon.log" 2>&1
set -e
mount --make-rprivate /
mount --bind "$root/etc" /etc/libvirt
mount --bind "$root/lib" /var/lib/libvirt
mount --bind "$root/run" /run/libvirt
mount --bind "$root/cache" /var/cache/libvirt
mount --bind "$root/log" /var/log/libvirt
ip link set lo up
set +e

start() {
  libvirtd -p /run/libvirt/libvirtd.pid 3>&- &
  daemon=$!
}

start
while read -r command argument size; do
  case $command in
  start) start ;;
  stop) kill "$daemon"; wait "$daemon" ;;
  kill) kill -9 "$daemon"; wait "$daemon" ;;
  tmpfs) mount -t tmpfs -o "size=$size,mode=0711" tmpfs "$argument" ;;
  esac
  echo "$command $?" >&3
done
