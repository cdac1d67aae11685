import type { FileChange } from '../../contract.ts'
import type { Guestfish } from './conversation.ts'
import {
  deviceOf,
  type DeviceTags,
  type Filesystem,
  findSource,
  type FstabEntry,
  holdsFiles,
  parseFilesystems,
  parseFstab,
  parseTags,
} from './filesystems.ts'

/** Why the system could not be mounted; what to say to the user, as the end of a sentence. */
export type MountResult =
  | { readonly kind: 'mounted' }
  | { readonly kind: 'no-system'; readonly encrypted: readonly string[] }
  /** A file system that holds a path of the changes cannot be had. */
  | { readonly kind: 'missing'; readonly path: string; readonly source: string }

/**
 * Mounts the guest's file systems where they are when it runs, by its own fstab. Not by libguestfs's inspection,
 * which asks for twice the time of all the rest and reads much of the guest.
 */
export async function mountSystem(
  guestfish: Guestfish,
  changes: readonly FileChange[],
): Promise<MountResult> {
  const filesystems = parseFilesystems(await guestfish.ask('list-filesystems'))
  const candidates = await findRoots(guestfish, filesystems.filter(holdsFiles))
  if (candidates.length === 0) {
    const encrypted = filesystems.filter(({ type }) => type === 'crypto_LUKS')
    return { kind: 'no-system', encrypted: encrypted.map(({ mountable }) => mountable) }
  }
  const tags = await readTags(guestfish, filesystems)
  const find = (entry: FstabEntry): string | undefined => findSource(entry, filesystems, tags)
  const root = candidates.find(({ mountable, fstab }) =>
    fstab.some((entry) => entry.path === '/' && find(entry) === mountable),
  )
  const { mountable, fstab } = root ?? candidates[0] ?? { mountable: '', fstab: [] }
  await guestfish.ask('mount', mountable, '/')
  const needed = changes.map(placeOf)
  for (const entry of fstab.filter(isMounted).toSorted((a, b) => a.path.length - b.path.length)) {
    const source = find(entry)
    const isNeeded = needed.some((path) => path.startsWith(`${entry.path}/`))
    if (source === undefined && isNeeded) return { kind: 'missing', path: entry.path, source: entry.source }
    if (source === undefined) continue
    await (isNeeded ? guestfish.ask : guestfish.attempt)('mount', source, entry.path)
  }
  return { kind: 'mounted' }
}

interface Candidate {
  readonly mountable: string
  readonly fstab: readonly FstabEntry[]
}

async function findRoots(
  guestfish: Guestfish,
  filesystems: readonly Filesystem[],
): Promise<readonly Candidate[]> {
  const roots: Candidate[] = []
  for (const { mountable } of filesystems) {
    await guestfish.attempt('mount-ro', mountable, '/')
    const [hasUsers] = await guestfish.attempt('is-file', '/etc/passwd')
    if (hasUsers === 'true')
      roots.push({ mountable, fstab: parseFstab(await guestfish.attempt('cat', '/etc/fstab')) })
    await guestfish.ask('umount-all')
  }
  return roots
}

async function readTags(
  guestfish: Guestfish,
  filesystems: readonly Filesystem[],
): Promise<ReadonlyMap<string, DeviceTags>> {
  const tags = new Map<string, DeviceTags>()
  for (const { device } of filesystems.map(({ mountable }) => deviceOf(mountable))) {
    if (!tags.has(device)) tags.set(device, parseTags(await guestfish.attempt('blkid', device)))
  }
  return tags
}

/** Kernel and boot loader are nobody's identity; the rest has no disk, or is mounted by hand. */
const isMounted = ({ path, type, options }: FstabEntry): boolean =>
  path !== '/' &&
  path !== '/boot' &&
  !path.startsWith('/boot/') &&
  !['swap', 'proc', 'sysfs', 'tmpfs', 'devpts', 'devtmpfs', 'nfs', 'nfs4', 'cifs', 'overlay'].includes(
    type,
  ) &&
  !options.includes('noauto') &&
  !options.includes('bind')

const placeOf = (change: FileChange): string => (change.kind === 'remove' ? change.pattern : change.path)
