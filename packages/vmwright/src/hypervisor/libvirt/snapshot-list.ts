import { calls, errorCode, type Domain, type DomainSnapshot } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import type { ObservedSnapshot } from '../snapshots.ts'
import type { HostAccess } from './clone-disk.ts'
import { disksOf } from './disks.ts'
import type { HostShell } from './host-shell.ts'
import { mapParallel, type Session } from './session.ts'
import { parseSnapshot, type ParsedSnapshot } from './snapshot-xml.ts'

/**
 * The machine's snapshots, the oldest first. libvirt tells of such as are whole. Of sizes that of the memory is known,
 * where the host has a shell; what a snapshot keeps of the disks, QEMU does not count.
 */
export async function listSnapshots(
  { session, shell, noShell }: HostAccess,
  progress: Progress,
  vm: string,
): Promise<readonly ObservedSnapshot[]> {
  const domain = await session.domain(progress, vm)
  const snapshots = await readSnapshots(session, progress, domain)
  if (snapshots.length === 0) return []
  const hasMemory = snapshots.some(({ memory }) => memory)
  const [current, sizes] = await Promise.all([
    currentName(session, progress, domain),
    hasMemory && noShell === undefined ? memorySizes({ session, shell }, progress, domain) : undefined,
  ])
  const parents = new Map(snapshots.map(({ name, parent }) => [name, parent]))
  /** libvirt counts seconds, in which there may be several, each on the one before. */
  const depthOf = (name: string | undefined): number =>
    name === undefined || !parents.has(name) ? 0 : 1 + depthOf(parents.get(name))
  return snapshots
    .map(({ name, createdAtMs, memory, parent, note }) => {
      const sizeBytes = memory ? sizes?.get(name) : undefined
      const under = overlaysOver(snapshots, name)
      const listed = { name, createdAtMs, memory, parent, current: name === current, note, sizeBytes }
      return under.length === 0 ? listed : { ...listed, under }
    })
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs || depthOf(a.name) - depthOf(b.name))
}

type Layered = Pick<ParsedSnapshot, 'name' | 'parent' | 'overlays'>

/**
 * Snapshots whose files lie over those of this one, or inside of the file that it put over the disk: restoring an
 * external one empties that. Pure.
 */
export const overlaysOver = (snapshots: readonly Layered[], name: string): readonly string[] =>
  isExternal(snapshots.find((each) => each.name === name))
    ? descendantsOf(snapshots, name)
    : childrenOf(snapshots, name).flatMap((child) => [
        ...(isExternal(child) ? [child.name] : []),
        ...overlaysOver(snapshots, child.name),
      ])

const isExternal = (snapshot: Layered | undefined): boolean => (snapshot?.overlays.length ?? 0) > 0

const childrenOf = (snapshots: readonly Layered[], name: string): readonly Layered[] =>
  snapshots.filter(({ parent }) => parent === name)

const descendantsOf = (snapshots: readonly Layered[], name: string): readonly string[] =>
  childrenOf(snapshots, name).flatMap((child) => [child.name, ...descendantsOf(snapshots, child.name)])

/** All that libvirt knows of the snapshots; one that vanishes meanwhile is left out. */
export async function readSnapshots(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<readonly ParsedSnapshot[]> {
  const purpose = purposeOf(domain)
  const args = { domain, needResults: 1 }
  const { snapshots } = await session.call(progress, calls.domainListAllSnapshots, args, purpose)
  const found = await mapParallel(snapshots, (snapshot) => readSnapshot(session, progress, snapshot))
  return found.filter((snapshot) => snapshot !== undefined)
}

/** `undefined`: it is gone. */
export async function readSnapshot(
  session: Session,
  progress: Progress,
  snapshot: DomainSnapshot,
): Promise<ParsedSnapshot | undefined> {
  const purpose = { ...purposeOf(snapshot.domain), absent: [errorCode.noDomainSnapshot, errorCode.noDomain] }
  const described = await session.callUnless(progress, calls.domainSnapshotGetXmlDesc, { snapshot }, purpose)
  return described && parseSnapshot(described.xml)
}

/** Name of the snapshot that the machine is on; `undefined`: of none. */
export async function currentName(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<string | undefined> {
  const purpose = { ...purposeOf(domain), absent: [errorCode.noDomainSnapshot] }
  return (await session.callUnless(progress, calls.domainSnapshotCurrent, { domain }, purpose))?.snapshot.name
}

/** Bytes of memory by snapshot, over all disks; `undefined` where a disk cannot be read. */
async function memorySizes(
  { session, shell }: { readonly session: Session; readonly shell: HostShell },
  progress: Progress,
  domain: Domain,
): Promise<ReadonlyMap<string, number> | undefined> {
  const disks = (await disksOf(session, progress, domain)).filter(
    ({ isWritable, format }) => isWritable && format === 'qcow2',
  )
  const { exitCode, stdout } = await shell.run(progress, {
    script: infoScript,
    arguments: disks.map(({ path }) => path),
    effect: { kind: 'shell.list-snapshots', object: domain.name, mutates: false },
    privileged: true,
  })
  return exitCode === 0 ? sizesOf(stdout) : undefined
}

/** One JSON document each, with nothing between that JSON could hold. */
const infoScript = `
for disk; do qemu-img info --force-share --output=json -f qcow2 -- "$disk" && printf '\\036' || exit 1; done
`

interface DiskInfo {
  readonly snapshots?: readonly { readonly name: string; readonly 'vm-state-size': number }[]
}

/** Adds up what `qemu-img info` says of each disk. */
export function sizesOf(output: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const text of output.split('\u001e').filter((part) => part.trim() !== '')) {
    const { snapshots = [] } = JSON.parse(text) as DiskInfo
    for (const { name, 'vm-state-size': bytes } of snapshots) sizes.set(name, (sizes.get(name) ?? 0) + bytes)
  }
  return sizes
}

const purposeOf = ({ name }: { readonly name: string }) => ({
  object: name,
  doing: `list the snapshots of machine ${name}`,
})
