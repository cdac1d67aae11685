import type { DistributionFamily } from '../hypervisor/host/items.ts'

export type KnownFamily = Exclude<DistributionFamily, 'unknown'>

export interface PackageRow {
  /** What needs it, as a person reads it. */
  readonly purpose: string
  /** As `uname -m` tells; absent: every one. */
  readonly architecture?: string
  readonly names: Readonly<Record<KnownFamily, readonly string[]>>
}

/**
 * The packages of a host, by family of distributions: Debian and Ubuntu; Fedora, RHEL and kin; Arch; openSUSE and
 * SLES. Recommended packages are not installed along, so all that is used is named. Those of Debian are tried by
 * tests; the others are as their distributions document them.
 */
export const packageTable: readonly PackageRow[] = [
  {
    purpose: 'libvirt',
    names: {
      debian: ['libvirt-daemon-system', 'libvirt-clients'],
      redhat: ['libvirt-daemon-kvm', 'libvirt-daemon-config-network', 'libvirt-client'],
      arch: ['libvirt'],
      suse: ['libvirt-daemon-qemu', 'libvirt-daemon-config-network', 'libvirt-client'],
    },
  },
  {
    purpose: 'QEMU',
    architecture: 'x86_64',
    names: {
      debian: ['qemu-system-x86'],
      redhat: ['qemu-kvm'],
      arch: ['qemu-base'],
      suse: ['qemu-x86'],
    },
  },
  {
    purpose: 'QEMU',
    architecture: 'aarch64',
    names: {
      debian: ['qemu-system-arm'],
      redhat: ['qemu-kvm'],
      arch: ['qemu-system-aarch64'],
      suse: ['qemu-arm'],
    },
  },
  {
    purpose: 'disk images',
    names: { debian: ['qemu-utils'], redhat: ['qemu-img'], arch: ['qemu-img'], suse: ['qemu-tools'] },
  },
  {
    purpose: 'UEFI firmware',
    architecture: 'x86_64',
    names: { debian: ['ovmf'], redhat: ['edk2-ovmf'], arch: ['edk2-ovmf'], suse: ['qemu-ovmf-x86_64'] },
  },
  {
    purpose: 'UEFI firmware',
    architecture: 'aarch64',
    names: {
      debian: ['qemu-efi-aarch64'],
      redhat: ['edk2-aarch64'],
      arch: ['edk2-aarch64'],
      suse: ['qemu-uefi-aarch64'],
    },
  },
  {
    purpose: 'addresses and names of guests',
    names: { debian: ['dnsmasq-base'], redhat: ['dnsmasq'], arch: ['dnsmasq'], suse: ['dnsmasq'] },
  },
  {
    purpose: 'forwarding rules',
    names: { debian: ['nftables'], redhat: ['nftables'], arch: ['nftables'], suse: ['nftables'] },
  },
  {
    purpose: 'bridges and routes',
    names: { debian: ['iproute2'], redhat: ['iproute'], arch: ['iproute2'], suse: ['iproute2'] },
  },
  {
    purpose: 'access to files of guests',
    names: { debian: ['acl'], redhat: ['acl'], arch: ['acl'], suse: ['acl'] },
  },
  {
    purpose: 'files in disks of guests',
    names: {
      debian: ['libguestfs-tools'],
      redhat: ['libguestfs', 'guestfs-tools'],
      arch: ['libguestfs', 'guestfs-tools'],
      suse: ['libguestfs', 'guestfs-tools'],
    },
  },
]

/** Names for one host, in the order of the table; none for a distribution that it does not know. Pure. */
export const packagesFor = (family: DistributionFamily, architecture: string): readonly string[] =>
  family === 'unknown'
    ? []
    : packageTable
        .filter((row) => row.architecture === undefined || row.architecture === architecture)
        .flatMap((row) => row.names[family])
