import { ProvisionError } from '../../lib/errors.ts'
import type { ImageBuildSpec } from './recipe.ts'

/** What is different between the architectures that images are built for. */
export interface Platform {
  /** As libvirt and the kernel spell it. */
  readonly machine: string
  /** Type of the root partition (Discoverable Partitions Specification). */
  readonly rootType: string
  /** Has a BIOS beside UEFI, for which GRUB is put on the disk too. */
  readonly hasBios: boolean
  /** The serial line that hypervisors give it. */
  readonly serial: string
  /** Kernel and boot loader. */
  readonly packages: Readonly<Record<ImageBuildSpec['distribution'], readonly string[]>>
  /** The signed programs for UEFI, below /usr/lib, and where firmware looks for the first of them. */
  readonly efi: { readonly programs: readonly [string, ...string[]]; readonly fallback: string }
}

export const platforms: Readonly<Record<ImageBuildSpec['architecture'], Platform>> = {
  amd64: {
    machine: 'x86_64',
    rootType: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
    hasBios: true,
    serial: 'ttyS0',
    packages: {
      debian: ['grub-cloud-amd64', 'linux-image-cloud-amd64'],
      ubuntu: ['grub-efi-amd64-signed', 'grub-pc-bin', 'grub2-common', 'linux-image-virtual', 'shim-signed'],
    },
    efi: {
      programs: ['shim/shimx64.efi', 'shim/mmx64.efi', 'grub/x86_64-efi-signed/grubx64.efi'],
      fallback: 'BOOTX64.EFI',
    },
  },
  arm64: {
    machine: 'aarch64',
    rootType: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
    hasBios: false,
    serial: 'ttyAMA0',
    packages: {
      debian: ['grub-efi-arm64-signed', 'grub2-common', 'linux-image-cloud-arm64', 'shim-signed'],
      ubuntu: ['grub-efi-arm64-signed', 'grub2-common', 'linux-image-virtual', 'shim-signed'],
    },
    efi: {
      programs: ['shim/shimaa64.efi', 'shim/mmaa64.efi', 'grub/arm64-efi-signed/grubaa64.efi'],
      fallback: 'BOOTAA64.EFI',
    },
  },
}

/** Node's name of what this process runs on, to Debian's. */
const ownNames: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** Debian's name of the architecture, of this machine where none is said. Throws `image.build-failed`. */
export function debianArchitecture(
  machine: string | undefined,
  own: string = process.arch,
): ImageBuildSpec['architecture'] {
  const found = Object.entries(platforms).find(([name, platform]) =>
    machine === undefined ? name === ownNames[own] : platform.machine === machine,
  )?.[0]
  if (found === 'amd64' || found === 'arm64') return found
  throw new ProvisionError('image.build-failed', {
    message: `No image can be built for ${machine ?? own}.`,
    hint: `Images are built for ${Object.values(platforms)
      .map((platform) => platform.machine)
      .join(' and ')}; give the image a \`url\` or \`file\` instead.`,
    details: { architecture: machine ?? own },
  })
}
