import type { Platform } from './platform.ts'

/**
 * The shell that runs inside mmdebstrap's environment, where the image's own programs are. Nothing is put into
 * these texts: they get the root folder as `$1`, and the files to write lie beside them.
 */

/** Before the packages are configured. */
export const essentialHook = String.raw`#!/bin/sh
set -eu
cp -R "$(dirname "$0")/../early/." "$1/"
`

/**
 * After all packages are configured: services, boot loader, initramfs. Prints the time to which later dates are
 * clamped: the newest date that a package gave to a file in /usr, so that it depends on the packages alone, is
 * never older than a module's source (whose date the compiled Python files hold), and differs between builds only
 * if their packages do.
 */
export const customizeHook = (platform: Platform): string =>
  `${prepare}echo "making the boot loader"\n${platform.hasBios ? biosLoader : ''}${efiLoader(platform)}${finishBoot}`

const prepare = String.raw`#!/bin/sh
set -eu
root=$1
kernel=$(ls "$root/usr/lib/modules")

cp -R "$(dirname "$0")/../late/." "$root/"
sed -i "s/@KERNEL@/$kernel/" "$root/boot/grub/grub.cfg"
chroot "$root" systemctl --quiet enable systemd-networkd
chroot "$root" systemctl --quiet disable e2scrub_all.timer e2scrub_reap.service

`

const biosLoader = String.raw`cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/boot/grub/i386-pc/"
cp "$root/usr/lib/grub/i386-pc/boot.img" "$root/boot/grub/i386-pc/"
chroot "$root" grub-mkimage --format=i386-pc --prefix=/boot/grub --config=/boot/grub/i386-pc/load.cfg \
  --output=/boot/grub/i386-pc/core.img biosdisk part_gpt ext2 search_fs_uuid search normal linux gzio echo test
`

const efiLoader = ({
  efi: { programs, fallback },
}: Platform): string => String.raw`chroot "$root" grub-editenv /boot/grub/grubenv create

# Signed programs for UEFI, under the distribution's own folder and where firmware looks on a disk it has not seen.
esp=boot/efi/EFI/$(ls "$root/boot/efi/EFI")
for program in ${programs.join(' ')}; do
  chroot "$root" cp --dereference "/usr/lib/$program.signed" "/$esp/$(basename "$program")"
done
cp -R "$root/$esp" "$root/boot/efi/EFI/BOOT"
mv "$root/boot/efi/EFI/BOOT/${basename(programs[0])}" "$root/boot/efi/EFI/BOOT/${fallback}"

`

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const finishBoot = String.raw`find "$root/var/lib/dpkg/info" -name '*.list' -exec cat {} + | grep -E '^/(usr|lib|bin|sbin)/' |
  sed "s|^|$root|" | tr '\n' '\0' | xargs -0 stat --format='%F %Y' |
  sed -n 's/^regular file //p' | sort -n | tail -1 > "$root/etc/image-epoch"

echo "making the initramfs"
SOURCE_DATE_EPOCH=$(cat "$root/etc/image-epoch") chroot "$root" update-initramfs -c -k "$kernel"
# grub-cloud keeps the boot loader up to date in the guest; while the image is made there is no disk to do it on.
if [ -e "$root/var/lib/dpkg/info/grub-cloud-amd64.list" ]; then touch "$root/etc/grub.d/enable_cloud"; fi
`

/**
 * Removes what belongs to one build or one machine, sets the dates, and moves the content of the EFI system
 * partition to the folder `$2`. Runs after mmdebstrap has cleaned up behind itself. The last line printed is the
 * epoch of the image.
 */
export const finishScript = String.raw`set -eu
root=$1
epoch=$(cat "$root/etc/image-epoch")
rm -f "$root/etc/image-epoch" "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow- "$root"/etc/subuid- "$root"/etc/subgid-
rm -f "$root"/vmlinuz.old "$root"/initrd.img.old "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old
rm -rf "$root"/var/log/apt/* "$root"/var/log/*.log "$root"/var/cache/apt/* "$root"/var/cache/ldconfig/aux-cache
rm -rf "$root"/var/lib/systemd/random-seed "$root"/var/lib/systemd/credential.secret "$root"/run/* "$root"/tmp/* "$root"/dev/*
find "$root/etc" "$root/var" -xdev -name '*.dpkg-tmp' -delete
: > "$root/etc/machine-id"
awk -F: -v OFS=: -v day="$((epoch / 86400))" '{ $3 = day; print }' "$root/etc/shadow" > "$root/etc/shadow.new"
cat "$root/etc/shadow.new" > "$root/etc/shadow"
rm "$root/etc/shadow.new"
find "$root" -xdev -newermt "@$epoch" -exec touch --no-dereference --date="@$epoch" {} +
rm -rf "$2"
mv "$root/boot/efi/EFI" "$2"
touch --date="@$epoch" "$root/boot/efi"
echo "$epoch"
`
