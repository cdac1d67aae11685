import type { Platform } from './platform.ts'

/** A text file of the image, owned by root. */
export interface GuestFile {
  /** Absolute, in the guest. */
  readonly path: string
  readonly mode: 0o644 | 0o755
  readonly content: string
}

/** Identities of the image's file systems, as their tools print them. */
export interface FileSystemIds {
  readonly root: string
  readonly esp: string
}

const kernelArguments = ({ serial }: Platform): string =>
  `console=tty0 console=${serial},115200 consoleblank=0`

/**
 * Files that must be there before the packages are configured: they decide what the initramfs holds, and when
 * it is made.
 */
export const earlyFiles = (ids: FileSystemIds): readonly GuestFile[] => [
  text('/etc/fstab', [
    `UUID=${ids.root} / ext4 errors=remount-ro 0 1`,
    `UUID=${ids.esp} /boot/efi vfat umask=0077,noauto,x-systemd.automount,x-systemd.idle-timeout=1min 0 0`,
  ]),
  text('/etc/initramfs-tools/conf.d/image', ['MODULES=list']),
  script('/etc/initramfs-tools/hooks/hypervisor-storage', [
    '#!/bin/sh',
    '# Disks and CD-ROMs of KVM, Hyper-V, VMware, Xen and NVMe hosts; udev loads those that are there. CD-ROMs',
    '# because cloud-init looks for its seed before the root file system has had time to load drivers.',
    'if [ "$1" = prereqs ]; then exit 0; fi',
    '. /usr/share/initramfs-tools/hook-functions',
    'for module in virtio_pci virtio_blk virtio_scsi sd_mod sr_mod ahci ata_piix ata_generic nvme hv_vmbus hv_storvsc' +
      ' vmw_pvscsi mptspi xen_blkfront ext4 isofs vfat; do',
    '  manual_add_modules "$module"',
    'done',
  ]),
]

/** Files written when all packages are configured. `@KERNEL@` becomes the release of the kernel installed. */
export const lateFiles = (
  ids: FileSystemIds,
  distribution: string,
  platform: Platform,
): readonly GuestFile[] => [
  text(`/boot/efi/EFI/${distribution}/grub.cfg`, [
    '# A signed GRUB looks here; all it has to do is to hand over.',
    `search.fs_uuid ${ids.root} root`,
    "set prefix=($root)'/boot/grub'",
    'configfile $prefix/grub.cfg',
  ]),
  text('/etc/hostname', ['localhost']),
  text('/etc/hosts', [
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    'ff02::1 ip6-allnodes',
    'ff02::2 ip6-allrouters',
  ]),
  text('/boot/grub/grub.cfg', [
    '# Replaced by update-grub when a kernel is installed.',
    'set default=0',
    'set timeout=0',
    "menuentry 'Linux' {",
    `  search --no-floppy --fs-uuid --set=root ${ids.root}`,
    `  linux /boot/vmlinuz-@KERNEL@ root=UUID=${ids.root} ro ${kernelArguments(platform)}`,
    '  initrd /boot/initrd.img-@KERNEL@',
    '}',
  ]),
  ...(platform.hasBios ? [biosLoader(ids)] : []),
  text('/etc/default/grub.d/50-image.cfg', [
    'GRUB_TIMEOUT=0',
    'GRUB_CMDLINE_LINUX_DEFAULT=""',
    `GRUB_CMDLINE_LINUX="${kernelArguments(platform)}"`,
    // UEFI's console is the serial line already.
    ...(platform.hasBios
      ? ['GRUB_TERMINAL="console serial"', 'GRUB_SERIAL_COMMAND="serial --speed=115200"']
      : ['GRUB_TERMINAL=console']),
    'GRUB_DISABLE_OS_PROBER=true',
  ]),
  text('/etc/cloud/cloud.cfg.d/90-datasources.cfg', [
    '# Virtual machines on KVM, Hyper-V and VMware; a cloud with a metadata service is not asked, which saves the wait.',
    'datasource_list: [NoCloud, ConfigDrive, None]',
  ]),
  text('/etc/cloud/cloud.cfg.d/91-image.cfg', [
    '# An RSA key takes as long to make as the rest of the first boot on a slow host, and no client needs it.',
    'ssh_genkeytypes: [ed25519, ecdsa]',
    '# The locale that is always there; en_US.UTF-8, the default, would have to be generated first.',
    'locale: C.UTF-8',
    '# The boot loader of this image finds its disk by itself; asking debconf about it takes seconds.',
    'grub_dpkg: {enabled: false}',
  ]),
]

const biosLoader = (ids: FileSystemIds): GuestFile =>
  text('/boot/grub/i386-pc/load.cfg', [`search.fs_uuid ${ids.root} root`, "set prefix=($root)'/boot/grub'"])

const text = (path: string, content: readonly string[]): GuestFile => ({
  path,
  mode: 0o644,
  content: lines(content),
})
const script = (path: string, content: readonly string[]): GuestFile => ({
  path,
  mode: 0o755,
  content: lines(content),
})
const lines = (content: readonly string[]): string => `${content.join('\n')}\n`
