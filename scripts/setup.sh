#!/bin/sh
# Makes a Debian or Ubuntu machine ready: packages, Node dependencies, libvirt and its default network.
# May be run again at any time; does only what is missing. Works as root, or with sudo.
# `setup.sh test` also installs the independent witnesses that tests and benchmarks compare with; `setup.sh packages`
# prints the packages that it could come to install. With a bundle of `make deps-bundle` it needs no network.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

if [ "$(id -u)" = 0 ]; then
  as_root() { "$@"; }
elif command -v sudo >/dev/null; then
  as_root() { sudo "$@"; }
else
  die "this needs root or sudo to install packages and to start libvirt"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a command that prints a lot, and tells its last line every other second. The output is in $log.
watched() {
  what=$1
  shift
  started=$(date +%s)
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  tenths=0
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    tenths=$((tenths + 1))
    if [ $((tenths % 15)) = 0 ]; then
      say "  $what, $(($(date +%s) - started)) s: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-80)"
    fi
  done
  wait "$pid"
}

must() {
  watched "$@" && return
  cat "$log" >&2
  die "$1 failed; its output is above"
}

. scripts/bundle/use.sh

check_node() {
  command -v node >/dev/null || die "Node.js is missing: install version 20 or newer (https://nodejs.org)"
  command -v npm >/dev/null || die "npm is missing: install it together with Node.js"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || die "Node.js $major is too old: install version 20 or newer"
}

# The hypervisor and its network; the tools that build an image from packages; the checks of downloads.
packages='
  libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ovmf dnsmasq-base iptables nftables iproute2 procps kmod
  mmdebstrap mtools dosfstools e2fsprogs
  gpgv acl openssh-client ca-certificates'

test_packages='genisoimage xorriso gnupg openssl python3-yaml netcat-openbsd libguestfs-tools virtinst xfsprogs lvm2
  isc-dhcp-client ansible-core libxml2-utils sshpass cpio fdisk'
# Small guests of tests start by it; it is for x86 only.
case $(dpkg --print-architecture 2>/dev/null || true) in amd64 | i386) test_packages="$test_packages syslinux" ;; esac
# These would change a machine of somebody's own by being there; the tests only need the programs.
ci_packages='openssh-server ifupdown sudo qemu-guest-agent'
# libguestfs boots a kernel of this machine, and a container has none.
case $(. /etc/os-release && echo "$ID") in
ubuntu) kernel_package=linux-image-virtual ;;
*) kernel_package=linux-image-cloud-$(dpkg --print-architecture 2>/dev/null || true) ;;
esac

case ${1:-} in
packages)
  # shellcheck disable=SC2086
  printf '%s\n' $packages $test_packages $ci_packages "$kernel_package"
  exit
  ;;
test)
  packages="$packages $test_packages"
  ls /lib/modules/*/modules.dep >/dev/null 2>&1 || packages="$packages $kernel_package"
  if [ "${CI:-}" = true ]; then packages="$packages $ci_packages"; fi
  ;;
esac

install_packages() {
  command -v dpkg-query >/dev/null || die "this is neither Debian nor Ubuntu; install by hand:$packages"
  missing=
  for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
      installed) ;;
      *) missing="$missing $package" ;;
    esac
  done
  [ -n "$missing" ] || return 0
  say "Installing packages:$missing"
  if [ -n "$bundle" ]; then
    must "reading the bundle's lists of packages" bundle_apt_get update
    # shellcheck disable=SC2086
    must "installing packages" bundle_apt_get install --no-install-recommends $missing
    as_root rm -rf "$bundle_dir.lists"
    return
  fi
  install="env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends"
  # A new machine has no lists of packages; an old one may have lists of versions that are gone.
  if ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    watched "installing packages" as_root $install $missing && return
  fi
  must "updating the lists of packages" as_root apt-get -q update
  # shellcheck disable=SC2086
  must "installing packages" as_root $install $missing
}

# True when what is in node_modules is what package-lock.json asks for.
dependencies_installed() {
  node -e '
    const read = (path) => JSON.parse(require("fs").readFileSync(path)).packages
    const wanted = read("package-lock.json"), there = read("node_modules/.package-lock.json")
    const same = (a, b) => a.version === b?.version && a.integrity === b?.integrity && a.link === b?.link
    const inModules = (name) => name.startsWith("node_modules/") || name.includes("/node_modules/")
    process.exitCode =
      Object.entries(there).every(([name, one]) => !inModules(name) || same(one, wanted[name])) &&
      Object.entries(wanted).every(
        ([name, one]) => !inModules(name) || one.optional || one.devOptional || same(one, there[name]),
      ) ? 0 : 1' 2>/dev/null
}

install_dependencies() {
  if dependencies_installed; then return; fi
  say "Installing Node dependencies"
  if [ -n "$bundle" ]; then
    must "npm ci" bundle_npm_ci
  else
    must "npm ci" npm ci --loglevel=error
  fi
}

has_systemd() { [ -d /run/systemd/system ]; }
virsh_system() { as_root virsh -q -c qemu:///system "$@" </dev/null; }

start_libvirt() {
  if virsh_system uri >/dev/null 2>&1; then return; fi
  say "Starting libvirt"
  if has_systemd; then
    must "starting libvirt" as_root systemctl enable --now libvirtd.socket libvirtd.service
  else
    # Each refuses to start a second time.
    as_root virtlogd -d 2>/dev/null || true
    as_root libvirtd -d 2>/dev/null || true
  fi
  i=0
  until virsh_system uri >/dev/null 2>&1; do
    i=$((i + 1))
    [ $i -le 150 ] || die "libvirt does not answer; 'libvirtd -v' in a terminal shows why"
    sleep 0.2
  done
}

restart_libvirt() {
  if has_systemd; then
    must "restarting libvirt" as_root systemctl restart libvirtd
  else
    as_root sh -c '
      pid=$(cat /run/libvirtd.pid)
      kill "$pid"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done'
    start_libvirt
  fi
}

# udev gives /dev/kvm to the group kvm. Where no udev runs it may belong to root alone, and libvirt 9, which finds KVM
# compiled into QEMU but closed to QEMU's user, distrusts what it knows and probes QEMU again at every call
# (virQEMUCapsIsValid in src/qemu/qemu_capabilities.c): each define then takes half a minute.
share_kvm() {
  [ -c /dev/kvm ] || return 0
  [ "$(stat -c %G /dev/kvm)" = root ] && getent group kvm >/dev/null || return 0
  say "Giving /dev/kvm to the group kvm, as udev does"
  as_root chgrp kvm /dev/kvm
  as_root chmod g+rw /dev/kvm
}

# libvirtd 9 that started without knowledge of the QEMU programs probes them again at every call where /dev/kvm
# is there but does not work: each define then takes a minute or two. Asked once and started again, it knows them.
# A fast answer shows that it does. Guests go on running while the daemon is restarted.
learn_capabilities() {
  if as_root timeout 5 virsh -q -c qemu:///system capabilities >/dev/null 2>&1 </dev/null; then return; fi
  say "Letting libvirt learn what QEMU can do (once)"
  must "asking for capabilities" virsh_system capabilities
  restart_libvirt
}

start_network() {
  if [ "$(virsh_system net-list --name 2>/dev/null | grep -cx default)" = 1 ]; then return; fi
  say "Starting libvirt's network 'default'"
  if ! virsh_system net-info default >/dev/null 2>&1; then
    virsh_system net-define /usr/share/libvirt/networks/default.xml >/dev/null
  fi
  virsh_system net-autostart default >/dev/null
  virsh_system net-start default >/dev/null ||
    die "the network 'default' does not start; see above. Is its address range, 192.168.122.0/24, in use?"
}

join_group() {
  user=$(id -un)
  if [ "$(id -u)" = 0 ] || id -nG | tr ' ' '\n' | grep -qx libvirt; then return; fi
  as_root adduser --quiet "$user" libvirt
  say "$user may use libvirt from the next login on; until then start commands with: sg libvirt -c '...'"
}

check_node
use_bundle
install_packages
install_dependencies
share_kvm
start_libvirt
learn_capabilities
start_network
join_group
say "This machine is ready."
