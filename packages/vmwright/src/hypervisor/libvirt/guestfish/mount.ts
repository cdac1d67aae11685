import type { DiskEdit } from '../../disks.ts'
import type { Guestfish } from './conversation.ts'
import {
  type Filesystem,
  findSource,
  type FstabEntry,
  mountableOf,
  parseFstab,
  parseTags,
} from './filesystems.ts'
import { growMounted, growPartition, type RootDevice } from './grow.ts'

export type MountResult =
  | { readonly kind: 'mounted' }
  | { readonly kind: 'no-system'; readonly encrypted: readonly string[] }
  /** A file system that holds a path of the changes is not on the disks, or is encrypted. */
  | { readonly kind: 'missing'; readonly path: string; readonly source: string }

/**
 * Mounts the guest's file systems where they are when it runs, by its own fstab; for commands those of the boot loader
 * too, and all that the fstab wants. Without libguestfs's inspection and without its `list-filesystems`: in an
 * emulated appliance they take longer than all the rest.
 */
export async function mountSystem(
  guestfish: Guestfish,
  { changes, root: size }: Pick<DiskEdit, 'changes' | 'root'>,
): Promise<MountResult> {
  const filesystems = await listFilesystems(guestfish)
  const root = await findRoot(guestfish, filesystems)
  if (root === undefined) {
    const encrypted = filesystems.filter(({ tags }) => tags['TYPE'] === 'crypto_LUKS')
    return { kind: 'no-system', encrypted: encrypted.map(({ device }) => device) }
  }
  if (size === 'grow') await growPartition(guestfish, root)
  await guestfish.ask('mount', root.mountable, '/')
  if (size === 'grow') await growMounted(guestfish, root)
  const runs = changes.some(({ kind }) => kind === 'run')
  const needed = changes.flatMap((change) =>
    change.kind === 'run' ? [] : [change.kind === 'remove' ? change.pattern : change.path],
  )
  const entries = root.fstab.filter((entry) => (runs ? isLocal(entry) : isLocal(entry) && !isBoot(entry)))
  for (const entry of entries.toSorted((a, b) => a.path.length - b.path.length)) {
    const source = findSource(entry, filesystems)
    const isNeeded = (runs && !isOptional(entry)) || needed.some((path) => path.startsWith(`${entry.path}/`))
    if (source === undefined && isNeeded) return { kind: 'missing', path: entry.path, source: entry.source }
    if (source === undefined) continue
    await (isNeeded ? guestfish.ask : guestfish.attempt)('mount', source, entry.path)
  }
  return { kind: 'mounted' }
}

async function listFilesystems(guestfish: Guestfish): Promise<readonly Filesystem[]> {
  const partitions = await guestfish.ask('list-partitions')
  const disks = await guestfish.ask('list-devices')
  const whole = disks.filter(
    (disk) => !partitions.some((partition) => partition.replace(/\d+$/, '') === disk),
  )
  const devices = [
    ...partitions,
    ...whole,
    ...(await guestfish.attempt('list-md-devices')),
    ...(await guestfish.attempt('lvs')),
  ]
  const filesystems: Filesystem[] = []
  for (const device of devices)
    filesystems.push({ device, tags: parseTags(await guestfish.attempt('blkid', device)) })
  return filesystems
}

interface Root extends RootDevice {
  readonly mountable: string
  readonly fstab: readonly FstabEntry[]
}

/** The file system with users whose own fstab names it as the root, else the first with users. */
async function findRoot(guestfish: Guestfish, filesystems: readonly Filesystem[]): Promise<Root | undefined> {
  let first: Root | undefined
  for (const filesystem of filesystems.filter(({ tags }) => systemTypes.has(tags['TYPE'] ?? ''))) {
    for (const mountable of await mountablesOf(guestfish, filesystem)) {
      const fstab = await readRoot(guestfish, mountable)
      if (fstab === undefined) continue
      const found = { device: filesystem.device, type: filesystem.tags['TYPE'] ?? '', mountable, fstab }
      const own = fstab.find(({ path }) => path === '/')
      if (own !== undefined && findSource(own, filesystems) === mountable) return found
      first ??= found
    }
  }
  return first
}

/** File systems that Linux can have its root on. */
const systemTypes: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs'])

async function mountablesOf(guestfish: Guestfish, { device, tags }: Filesystem): Promise<readonly string[]> {
  if (tags['TYPE'] !== 'btrfs') return [device]
  await guestfish.attempt('mount-ro', device, '/')
  const lines = await guestfish.attempt('btrfs-subvolume-list', '/')
  await guestfish.ask('umount-all')
  const subvolumes = lines.flatMap((line) => /^\s*btrfssubvolume_path: (.+)$/.exec(line)?.[1] ?? [])
  return [device, ...subvolumes.map((subvolume) => mountableOf(device, subvolume))]
}

/** The fstab of a root, empty when it has none; `undefined`: it is not a root. */
async function readRoot(guestfish: Guestfish, mountable: string): Promise<readonly FstabEntry[] | undefined> {
  await guestfish.attempt('mount-ro', mountable, '/')
  const [hasUsers] = await guestfish.attempt('is-file', '/etc/passwd')
  const lines = hasUsers === 'true' ? await guestfish.attempt('cat', '/etc/fstab') : undefined
  await guestfish.ask('umount-all')
  return lines && parseFstab(lines)
}

/** The rest has no disk of its own, or is mounted by hand; Debian's images mount `/boot/efi` by an automount. */
const isLocal = (entry: FstabEntry): boolean =>
  entry.path !== '/' &&
  !noDisk.has(entry.type) &&
  (!entry.options.includes('noauto') || isBoot(entry)) &&
  !entry.options.includes('bind')

/** Kernel and boot loader are nobody's identity; commands may bring others. */
const isBoot = ({ path }: FstabEntry): boolean => path === '/boot' || path.startsWith('/boot/')

const isOptional = ({ options }: FstabEntry): boolean =>
  options.includes('nofail') || options.includes('noauto')

const noDisk: ReadonlySet<string> = new Set(
  'swap proc sysfs tmpfs devpts devtmpfs nfs nfs4 cifs overlay 9p virtiofs'.split(' '),
)
