#!/bin/sh
# Makes the disk of the small Linux: make.sh OUTPUT [SIZE PACKAGE...]. Needs neither mounts nor devices.
# The first partition is a FAT with SYSLINUX, the kernel, and a file system in memory with busybox and OpenSSH. With
# packages there is a second one of that size, with their files, the libraries that these want, and all drivers.
set -eu
own=$(dirname "$(readlink -f "$0")")
output=$1
size=${2:-}
[ $# -lt 2 ] || shift 1
[ $# -eq 0 ] || shift 1
work=$(mktemp -d /var/tmp/vmwright-small-linux-XXXXXX)
trap 'rm -rf "$work"' EXIT
export MTOOLS_SKIP_CHECK=1
libraries=usr/lib/$(uname -m)-linux-gnu

# Files of a package: of this machine where it is installed, else of the archive.
files_of() {
  if dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; then
    # Diversions are told in lines of their own.
    dpkg-query -L "$1" | grep '^/' | while read -r path; do
      if [ -L "$path" ] || [ -f "$path" ]; then printf '%s\n' ".$path"; fi
    done >"$work/list"
    tar -C / -c --no-recursion -T "$work/list"
  else
    rm -rf "$work/deb" && mkdir -m 777 "$work/deb"
    (cd "$work/deb" && apt-get -q download "$1" >/dev/null 2>&1) || {
      echo "the package $1 is neither installed nor in the archive" >&2
      exit 1
    }
    dpkg-deb --fsys-tarfile "$work/deb"/*.deb
  fi
}

# unpack TREE PACKAGE [PATH...]: all its files but documentation, or these.
unpack() {
  tree=$1
  package=$2
  shift 2
  files_of "$package" >"$work/package.tar"
  tar -x -C "$tree" --keep-directory-symlink --exclude './usr/share/doc' --exclude './usr/share/man' \
    --exclude './usr/share/locale' -f "$work/package.tar" "$@"
}

skeleton() {
  tree=$1
  mkdir -p "$tree"
  (
    cd "$tree"
    mkdir -p usr/bin usr/sbin "$libraries" usr/lib64 dev proc sys disk run tmp root etc/ssh etc/acpi/PWRF home var/log var/empty
    ln -s usr/bin bin && ln -s usr/sbin sbin && ln -s usr/lib lib && ln -s usr/lib64 lib64
    ln -s ../run var/run
    chmod 1777 tmp && chmod 700 root
    echo root:x:0:0:root:/root:/bin/sh >etc/passwd
    printf '%s\n' sshd:x:100:65534::/run/sshd:/bin/false nobody:x:65534:65534::/:/bin/false >>etc/passwd
    printf '%s\n' root:x:0: nogroup:x:65534: >etc/group
    for user in root sshd; do echo "$user:*:19000:0:99999:7:::"; done >etc/shadow
    echo /bin/sh >etc/shells
    echo small >etc/hostname
    cp "$own/inittab" "$own/rc" "$own/dhcp" etc/
    cp "$own/sshd_config" etc/ssh/
    printf '#!/bin/sh\npoweroff\n' >etc/acpi/PWRF/00000080
    chmod 755 etc/rc etc/dhcp etc/acpi/PWRF/00000080
  )
  unpack "$tree" busybox-static
  unpack "$tree" openssh-server
  unpack "$tree" libwrap0
  unpack "$tree" openssh-client ./usr/bin/ssh-keygen
}

# Names of busybox for programs that no package brought, and the libraries that all programs want.
complete() {
  tree=$1
  for name in $("$tree/usr/bin/busybox" --list); do
    [ -e "$tree/usr/bin/$name" ] || [ -e "$tree/usr/sbin/$name" ] || ln -s busybox "$tree/usr/bin/$name"
  done
  ln -sf ../bin/busybox "$tree/usr/sbin/init"
  find "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/lib" -type f ! -name '*.ko' -exec sh -c '
    for file; do if [ "$(head -c 4 "$file" | tail -c 3)" = ELF ]; then printf "%s\n" "$file"; fi; done' sh {} + |
    LD_LIBRARY_PATH=$tree/$libraries xargs ldd 2>/dev/null >"$work/ldd" || true
  if grep 'not found' "$work/ldd" >&2; then exit 1; fi
  grep -o '/[^ ]* (0x' "$work/ldd" | sed 's/ (0x//' | sort -u | while read -r library; do
    case $library in
    "$tree"/*) ;;
    */ld-linux*) cp -L "$library" "$tree/usr/lib64/" ;;
    *) cp -L "$library" "$tree/$libraries/" ;;
    esac
  done
}

# The newest kernel of this machine that has its modules here; else that of the archive.
find_kernel() {
  for image in $(ls /boot/vmlinuz-* 2>/dev/null | sort -rV); do
    version=${image#/boot/vmlinuz-}
    if [ -e "/lib/modules/$version/modules.dep" ]; then
      modules=/
      return
    fi
  done
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  mkdir "$work/kernel"
  files_of "$package" | tar -x -C "$work/kernel"
  modules=$work/kernel
  image=$(ls "$modules"/boot/vmlinuz-*)
  version=${image##*/vmlinuz-}
  depmod -b "$modules" "$version"
}

find_kernel
small=$work/small
skeleton "$small"
rm -rf "$small/usr/lib/systemd" "$small/usr/lib/openssh/sftp-server"
complete "$small"
cp "$own/init" "$small/init"
chmod 755 "$small/init"
mkdir "$small/drivers.d"
modprobe -d "$modules" -S "$version" -a -D virtio_pci virtio_blk virtio_net virtio_rng isofs button evdev |
  sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r driver; do
  cp "$driver" "$small/drivers.d/"
  echo "/drivers.d/${driver##*/}" >>"$small/drivers"
done
(cd "$small" && find . | sort | cpio -o -H newc --quiet --reproducible) | gzip -9n >"$work/initrd"

boot=$work/boot
truncate -s 36M "$boot"
mkfs.vfat -F 16 "$boot" >/dev/null
mcopy -i "$boot" "$image" ::linux
mcopy -i "$boot" "$work/initrd" ::initrd
mcopy -i "$boot" "$own/syslinux.cfg" ::syslinux.cfg
syslinux --install "$boot"

disk=$work/disk
truncate -s 37M "$disk"
dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
table='start=2048, size=73728, type=e, bootable'
if [ -n "$size" ]; then
  root=$work/root
  skeleton "$root"
  for package in "$@"; do unpack "$root" "$package"; done
  complete "$root"
  mkdir -p "$root/usr/lib/modules/$version/kernel"
  cp -a "$modules/lib/modules/$version"/modules.builtin* "$modules/lib/modules/$version/modules.order" \
    "$root/usr/lib/modules/$version/"
  for part in lib net drivers/net fs/fuse arch/x86/kvm virt/lib; do
    mkdir -p "$root/usr/lib/modules/$version/kernel/${part%/*}"
    cp -a "$modules/lib/modules/$version/kernel/$part" "$root/usr/lib/modules/$version/kernel/${part%/*}/"
  done
  depmod -b "$root" "$version"
  # At the end of the disk, so that it needs no copy.
  truncate -s "$size" "$work/root.ext4"
  mke2fs -q -t ext4 -m 0 -d "$root" "$work/root.ext4"
  dd if="$work/root.ext4" of="$disk" bs=1M seek=37 conv=notrunc,sparse status=none
  truncate -s "$(($(stat -c %s "$work/root.ext4") + 37 * 1048576))" "$disk"
  table="$table
start=75776, type=83"
fi
printf 'label: dos\n%s\n' "$table" | sfdisk -q "$disk"
dd if=/usr/lib/SYSLINUX/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
qemu-img convert -c -O qcow2 "$disk" "$output"
