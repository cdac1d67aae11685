import { el, parseXml, textAt, find, writeXml } from '../../lib/xml.ts'
import type { ObservedVolume } from '../contract.ts'

export interface VolumeShape {
  readonly name: string
  /** `undefined`: that of the backing file. */
  readonly capacityBytes: number | undefined
  readonly format: 'qcow2' | 'raw'
  readonly mode: '0600' | '0644'
  /**
   * Take all the space at once, for what is uploaded: libvirt 9.0 confirms every other upload whose last write found
   * the disk full (`virsh vol-upload` is told the same), but never an allocation that failed.
   */
  readonly allocate?: 'all' | undefined
  /** The backing file of an overlay, always with its format: nothing is ever guessed from a disk's content. */
  readonly backing?: { readonly path: string; readonly format: string } | undefined
}

/** A volume to be created. Raw ones are sparse unless all is allocated. */
export function volumeXml(shape: VolumeShape): string {
  return writeXml(
    el(
      'volume',
      { type: 'file' },
      el('name', {}, shape.name),
      shape.capacityBytes !== undefined && el('capacity', { unit: 'bytes' }, String(shape.capacityBytes)),
      el('allocation', { unit: 'bytes' }, shape.allocate === 'all' ? String(shape.capacityBytes ?? 0) : '0'),
      el(
        'target',
        {},
        el('format', { type: shape.format }),
        el('permissions', {}, el('mode', {}, shape.mode)),
        shape.format === 'qcow2' && el('compat', {}, '1.1'),
      ),
      shape.backing &&
        el(
          'backingStore',
          {},
          el('path', {}, shape.backing.path),
          el('format', { type: shape.backing.format }),
        ),
    ),
  )
}

/** Reads `<volume>` as libvirt describes it. libvirt looks at the file each time it is asked. */
export function parseVolume(xml: string): ObservedVolume {
  const volume = parseXml(xml)
  return {
    name: textAt(volume, 'name') ?? '',
    path: textAt(volume, 'target', 'path') ?? '',
    capacityBytes: Number(textAt(volume, 'capacity') ?? 0),
    allocationBytes: Number(textAt(volume, 'allocation') ?? 0),
    format: find(volume, 'target', 'format')?.attributes['type'] ?? 'raw',
    backingPath: textAt(volume, 'backingStore', 'path'),
  }
}
