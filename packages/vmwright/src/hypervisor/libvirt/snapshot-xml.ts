import { childrenOf, el, find, parseXml, textAt, writeXml } from '../../lib/xml.ts'
import type { SnapshotDefinition } from '../snapshots.ts'

/** An overlay file that an external snapshot puts over a disk. */
export interface SnapshotOverlay {
  readonly device: string
  readonly path: string
}

/** An internal snapshot (inside the qcow2 files), or an external one with these overlays. */
export function snapshotXml(
  snapshot: SnapshotDefinition,
  overlays: readonly SnapshotOverlay[] | undefined,
  untouched: readonly string[] = [],
): string {
  return writeXml(
    el(
      'domainsnapshot',
      {},
      el('name', {}, snapshot.name),
      el('description', {}, snapshot.description),
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

export interface ParsedSnapshot {
  readonly description: string
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
    description: textAt(snapshot, 'description') ?? '',
    overlays,
    bases: Object.fromEntries(disks),
  }
}
