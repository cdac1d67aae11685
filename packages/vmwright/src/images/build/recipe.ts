import { ProvisionError } from '../../lib/errors.ts'
import { canonicalJson, sha256Hex, uuidFromNames } from '../../lib/hash.ts'
import { MiB } from '../../lib/units.ts'
import { type Partition, type PartitionTable, sectorBytes } from './gpt.ts'
import { earlyFiles, type FileSystemIds, type GuestFile, lateFiles } from './guest-files.ts'
import { type Platform, platforms } from './platform.ts'
import { customizeHook, essentialHook, finishScript } from './scripts.ts'

export interface ImageBuildSpec {
  readonly distribution: 'debian' | 'ubuntu'
  /** `bookworm`, `noble`, … */
  readonly suite: string
  /** As Debian spells it. */
  readonly architecture: 'amd64' | 'arm64'
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

/** The partition types that are the same everywhere: the Discoverable Partitions Specification, and GRUB's for BIOS. */
const typeGuids = {
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
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
  const platform = platforms[spec.architecture]
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
    lateFiles: lateFiles(ids, spec.distribution, platform),
    hooks: { essential: essentialHook, customize: customizeHook(platform), finish: finishScript },
    ids,
    table: partitionTable(spec.sizeMib, seed, platform),
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

/** Suites in which the resolver is still a part of the package `systemd`. */
const resolverInSystemd: ReadonlySet<string> = new Set(['bullseye', 'focal', 'jammy'])

function packagesFor(spec: ImageBuildSpec): readonly string[] {
  const resolver = resolverInSystemd.has(spec.suite) ? [] : ['systemd-resolved']
  const all = [
    ...commonPackages,
    ...platforms[spec.architecture].packages[spec.distribution],
    ...resolver,
    ...spec.extraPackages,
  ]
  return [...new Set(all)].toSorted()
}

/**
 * The layout of the publishers' own cloud images: the root file system is partition 1 and last on the disk, so
 * that it can grow; 14 holds GRUB for BIOS, where there is one; 15 is the EFI system partition.
 */
function partitionTable(sizeMib: number, seed: string, { rootType, hasBios }: Platform): PartitionTable {
  const sectors = (mib: number): number => (mib * MiB) / sectorBytes
  const guid = (name: string): string => uuidFromNames('image', seed, 'partition', name)
  const place = (
    [number, name, typeGuid]: readonly [number, string, string],
    fromMib: number,
    toMib: number,
  ): Partition => ({
    number,
    typeGuid,
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
      // The name is what its identity is made of, which images in caches have.
      { ...place([1, 'rootAmd64', rootType], 128, sizeMib - backCopyMib), name: 'root' },
      ...(hasBios ? [{ ...place([14, 'biosBoot', typeGuids.biosBoot], 1, 4), name: 'bios-boot' }] : []),
      { ...place([15, 'esp', typeGuids.esp], 4, 128), name: 'esp' },
    ],
  }
}
