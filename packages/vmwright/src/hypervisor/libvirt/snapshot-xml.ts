import { childrenOf, el, find, parseXml, textAt, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { SnapshotDefinition } from '../snapshots.ts'

/** An overlay file that an external snapshot puts over a disk. */
export interface SnapshotOverlay {
  readonly device: string
  readonly path: string
}

/**
 * The note is the last line of the description. libvirt writes what it knows of a snapshot in one step, after all
 * else is done (qemu_snapshot.c, `qemuSnapshotCreateWriteMetadata`): a note that can be read is that of a whole one,
 * it goes with its snapshot, and one that somebody else makes under the same name has none.
 */
const noteMark = 'vmwright-note:'
/** Where we tell libvirt of a snapshot, it is told before there is one, with this as the last line. */
const unfinishedMark = 'vmwright-unfinished'

/** An internal snapshot (inside the qcow2 files), or an external one with these overlays. */
export function snapshotXml(
  { name, description, memory = false, note }: SnapshotDefinition,
  overlays: readonly SnapshotOverlay[] | undefined,
  untouched: readonly string[] = [],
): string {
  return writeXml(
    el(
      'domainsnapshot',
      {},
      el('name', {}, name),
      el('description', {}, describedWith(description, note)),
      overlays === undefined && el('memory', { snapshot: memory ? 'internal' : 'no' }),
      overlays &&
        el(
          'disks',
          {},
          ...overlays.map(({ device, path }) =>
            el(
              'disk',
              { name: device, snapshot: 'external' },
              el('driver', { type: 'qcow2' }),
              el('source', { file: path }),
            ),
          ),
          ...untouched.map((name) => el('disk', { name, snapshot: 'no' })),
        ),
    ),
  )
}

const describedWith = (description: string, note: string | undefined): string =>
  note === undefined ? description : `${description}\n${noteMark}${noteText(note)}`

export interface SnapshotRecord {
  readonly snapshot: SnapshotDefinition
  readonly createdAtMs: number
  readonly parent: string | undefined
  /** The machine as it ran. */
  readonly domain: XmlElement
}

/** An internal snapshot with memory that QEMU has, or is to have, as libvirt is told of it by its flag `REDEFINE`. */
export function recordXml(record: SnapshotRecord, state: 'unfinished' | 'whole'): string {
  const { snapshot, createdAtMs, parent, domain } = record
  const { name, description, note } = snapshot
  const described = state === 'whole' ? describedWith(description, note) : unfinishedText(description)
  return writeXml(
    el(
      'domainsnapshot',
      {},
      el('name', {}, name),
      el('description', {}, described),
      el('state', {}, 'running'),
      el('creationTime', {}, String(Math.floor(createdAtMs / 1000))),
      parent !== undefined && el('parent', {}, el('name', {}, parent)),
      el('memory', { snapshot: 'internal' }),
      domain,
    ),
  )
}

/** The description of a snapshot, saying that it is not whole (any more). */
export const unfinishedText = (description: string): string => `${description}\n${unfinishedMark}`

/** JSON, with what XML cannot hold written as an escape too. */
const noteText = (note: string): string =>
  JSON.stringify(note)
    .replaceAll('\ufffe', String.raw`\ufffe`)
    .replaceAll('\uffff', String.raw`\uffff`)

/** A snapshot as libvirt would have described it, of the machine with that definition, for its flag `REDEFINE`. */
export const leftOverXml = (name: string, definition: string): string =>
  writeXml(
    el(
      'domainsnapshot',
      {},
      el('name', {}, name),
      el('state', {}, 'shutoff'),
      el('creationTime', {}, '0'),
      el('memory', { snapshot: 'no' }),
      parseXml(definition),
    ),
  )

export interface ParsedSnapshot {
  readonly name: string
  readonly description: string
  readonly note: string | undefined
  /** `false`: what we told libvirt of it was not, or is no longer true. */
  readonly isWhole: boolean
  readonly createdAtMs: number
  readonly parent: string | undefined
  readonly memory: boolean
  /** Empty for an internal snapshot. */
  readonly overlays: readonly SnapshotOverlay[]
  /** The files that the machine's disks were when the snapshot was made, by device. */
  readonly bases: Readonly<Record<string, { readonly path: string; readonly format: string }>>
}

/** Reads `<domainsnapshot>`; the domain it holds is the one at the time of the snapshot. */
export function parseSnapshot(xml: string): ParsedSnapshot {
  const snapshot = parseXml(xml)
  const overlays = childrenOf(find(snapshot, 'disks'), 'disk').flatMap((disk) => {
    const device = disk.attributes['name']
    const path = find(disk, 'source')?.attributes['file']
    const isExternal = disk.attributes['snapshot'] === 'external'
    return isExternal && device !== undefined && path !== undefined ? [{ device, path }] : []
  })
  const disks = childrenOf(find(snapshot, 'domain', 'devices'), 'disk').flatMap((disk) => {
    const device = find(disk, 'target')?.attributes['dev']
    const path = find(disk, 'source')?.attributes['file']
    const format = find(disk, 'driver')?.attributes['type'] ?? 'raw'
    return device !== undefined && path !== undefined ? [[device, { path, format }] as const] : []
  })
  return {
    name: textAt(snapshot, 'name') ?? '',
    ...describedAndNoted(textAt(snapshot, 'description') ?? ''),
    createdAtMs: Number(textAt(snapshot, 'creationTime') ?? 0) * 1000,
    parent: textAt(snapshot, 'parent', 'name'),
    memory: ['internal', 'external'].includes(find(snapshot, 'memory')?.attributes['snapshot'] ?? 'no'),
    overlays,
    bases: Object.fromEntries(disks),
  }
}

function describedAndNoted(text: string): Pick<ParsedSnapshot, 'description' | 'note' | 'isWhole'> {
  const lines = text.split('\n')
  const last = lines.at(-1) ?? ''
  const description = lines.slice(0, -1).join('\n')
  if (last === unfinishedMark) return { description, note: undefined, isWhole: false }
  if (!last.startsWith(noteMark)) return { description: text, note: undefined, isWhole: true }
  return { description, note: noteOf(last.slice(noteMark.length)), isWhole: true }
}

function noteOf(text: string): string | undefined {
  try {
    const note: unknown = JSON.parse(text)
    return typeof note === 'string' ? note : undefined
  } catch {
    return undefined
  }
}
