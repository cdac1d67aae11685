import { ProvisionError } from '../../lib/errors.ts'
import { canonicalJson, sha256Hex, uuidFromNames } from '../../lib/hash.ts'
import { MiB } from '../../lib/units.ts'
import { type Partition, type PartitionTable, sectorBytes } from './gpt.ts'
import { earlyFiles, type FileSystemIds, type GuestFile, lateFiles } from './guest-files.ts'
import { customizeHook, essentialHook, finishScript } from './scripts.ts'

export interface ImageBuildSpec {
  readonly distribution: 'debian' | 'ubuntu'
  /** `bookworm`, `noble`, … */
  readonly suite: string
  readonly architecture: 'amd64'
  /** URI of a mirror of the distribution; `undefined`: the build machine's own sources, else the public mirror. */
  readonly mirror: string | undefined
  readonly extraPackages: readonly string[]
  /** Size of the disk that a guest sees; the root file system grows when the disk is larger. */
  readonly sizeMib: number
}

/** All that decides what the image holds, apart from the versions of the packages. */
export interface BuildRecipe {
  readonly spec: ImageBuildSpec
  /** SHA-256 of everything below, in hex: the key under which a built image is cached. */
  readonly inputsDigest: string
  /** Lines of a sources.list. */
  readonly aptSources: readonly string[]
  readonly packages: readonly string[]
  readonly earlyFiles: readonly GuestFile[]
  readonly lateFiles: readonly GuestFile[]
  readonly hooks: { readonly essential: string; readonly customize: string; readonly finish: string }
  readonly ids: FileSystemIds & { readonly rootHashSeed: string }
  readonly table: PartitionTable
}

/** The partition types that matter here: the Discoverable Partitions Specification, and GRUB's for BIOS. */
const typeGuids = {
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  rootAmd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
} as const

/** Below this there is no room for a kernel and Python after the fixed partitions. */
const minSizeMib = 1024

/**
 * Turns what is asked for into everything that the build does. Equal requests give equal recipes, identities of
 * the file systems included. Throws `image.build-failed` for a size too small to hold a system.
 */
export function makeRecipe(spec: ImageBuildSpec, aptSources: readonly string[]): BuildRecipe {
  if (spec.sizeMib < minSizeMib) {
    throw new ProvisionError('image.build-failed', {
      message: `An image of ${spec.sizeMib} MiB cannot hold ${spec.distribution} ${spec.suite}.`,
      hint: `Ask for at least ${minSizeMib} MiB.`,
      details: { sizeMib: spec.sizeMib, minSizeMib },
    })
  }
  const inputsDigest = sha256Hex(canonicalJson(describe(spec, aptSources, '')))
  return { ...describe(spec, aptSources, inputsDigest), inputsDigest }
}

/** The recipe with its identities derived from `seed`. With an empty seed it is what the digest is taken of. */
function describe(
  spec: ImageBuildSpec,
  aptSources: readonly string[],
  seed: string,
): Omit<BuildRecipe, 'inputsDigest'> {
  const ids = {
    root: uuidFromNames('image', seed, 'root'),
    rootHashSeed: uuidFromNames('image', seed, 'root-hash-seed'),
    esp: fatSerial(uuidFromNames('image', seed, 'esp')),
  }
  return {
    spec: { ...spec, extraPackages: spec.extraPackages.toSorted() },
    aptSources,
    packages: packagesFor(spec),
    earlyFiles: earlyFiles(ids),
    lateFiles: lateFiles(ids, spec.distribution),
    hooks: { essential: essentialHook, customize: customizeHook, finish: finishScript },
    ids,
    table: partitionTable(spec.sizeMib, seed),
  }
}

/** A FAT serial number as `blkid` and fstab write it: `1A2B-3C4D`. */
const fatSerial = (uuid: string): string => `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase()

const commonPackages = [
  'ca-certificates',
  'cloud-guest-utils',
  'cloud-init',
  'curl',
  'dbus',
  'e2fsprogs',
  'fdisk',
  'initramfs-tools',
  'iproute2',
  'iputils-ping',
  'less',
  'libpam-systemd',
  'netbase',
  'netplan.io',
  'openssh-server',
  'python3-minimal',
  'qemu-guest-agent',
  'sudo',
  'systemd-sysv',
  'systemd-timesyncd',
  'tzdata',
  'udev',
  'zstd',
] as const

const distributionPackages = {
  debian: ['grub-cloud-amd64', 'linux-image-cloud-amd64'],
  ubuntu: ['grub-efi-amd64-signed', 'grub-pc-bin', 'grub2-common', 'linux-image-virtual', 'shim-signed'],
} as const

/** Suites in which the resolver is still a part of the package `systemd`. */
const resolverInSystemd: ReadonlySet<string> = new Set(['bullseye', 'focal', 'jammy'])

function packagesFor(spec: ImageBuildSpec): readonly string[] {
  const resolver = resolverInSystemd.has(spec.suite) ? [] : ['systemd-resolved']
  const all = [
    ...commonPackages,
    ...distributionPackages[spec.distribution],
    ...resolver,
    ...spec.extraPackages,
  ]
  return [...new Set(all)].toSorted()
}

/**
 * The layout of the publishers' own cloud images: the root file system is partition 1 and last on the disk, so
 * that it can grow; 14 holds GRUB for BIOS, 15 is the EFI system partition.
 */
function partitionTable(sizeMib: number, seed: string): PartitionTable {
  const sectors = (mib: number): number => (mib * MiB) / sectorBytes
  const guid = (name: string): string => uuidFromNames('image', seed, 'partition', name)
  const place = (
    number: number,
    name: keyof typeof typeGuids,
    fromMib: number,
    toMib: number,
  ): Partition => ({
    number,
    typeGuid: typeGuids[name],
    guid: guid(name),
    name,
    firstSector: sectors(fromMib),
    lastSector: sectors(toMib) - 1,
  })
  const backCopyMib = 1
  return {
    diskGuid: uuidFromNames('image', seed, 'disk'),
    diskSectors: sectors(sizeMib),
    partitions: [
      { ...place(1, 'rootAmd64', 128, sizeMib - backCopyMib), name: 'root' },
      { ...place(14, 'biosBoot', 1, 4), name: 'bios-boot' },
      { ...place(15, 'esp', 4, 128), name: 'esp' },
    ],
  }
}
