import { childrenOf, find, textAt, type XmlElement } from '../../lib/xml.ts'

/**
 * Why QEMU cannot save this machine's memory in its disks, as a sentence with the cause; `undefined`: it can. Pure.
 * `domain` is the definition as it runs (`savevm` and its blockers: QEMU's migration/savevm.c).
 */
export function memoryObstacle(domain: XmlElement): string | undefined {
  const devices = find(domain, 'devices')
  const of = (name: string): readonly XmlElement[] => childrenOf(devices, name)
  const disks = of('disk').filter(isWritableDisk)
  const unfit = disks.filter((disk) => find(disk, 'driver')?.attributes['type'] !== 'qcow2')
  if (disks.length === 0) return 'it has no disk that could hold its memory'
  if (unfit.length > 0)
    return `its ${unfit.length === 1 ? 'disk' : 'disks'} ${unfit.map(nameOf).join(', ')} ${unfit.length === 1 ? 'is' : 'are'} not qcow2`
  if (of('filesystem').length > 0)
    return 'it shares a folder with its host (9p or virtiofs), which QEMU cannot save'
  const passed = [
    ...of('hostdev'),
    ...of('interface').filter(({ attributes }) => attributes['type'] === 'hostdev'),
  ]
  if (passed.length > 0) return 'it has a device of the host passed through, whose state nobody can save'
  const features = childrenOf(find(domain, 'cpu'), 'feature')
  const isInvariant = features.some(
    ({ attributes }) => attributes['name'] === 'invtsc' && attributes['policy'] !== 'disable',
  )
  if (isInvariant) return 'its processor has the feature invtsc, with which QEMU saves no memory'
  return undefined
}

const isWritableDisk = (disk: XmlElement): boolean =>
  (disk.attributes['device'] ?? 'disk') === 'disk' && find(disk, 'readonly') === undefined

const nameOf = (disk: XmlElement): string => find(disk, 'target')?.attributes['dev'] ?? 'without a name'

/**
 * It has UEFI firmware with its variables in a raw file, for which libvirt has no internal snapshots while it runs;
 * variables in qcow2 it takes along since 10.10.
 */
export function hasRawFlash(domain: XmlElement | undefined): boolean {
  const os = find(domain, 'os')
  const isFlash = os?.attributes['firmware'] === 'efi' || find(os, 'loader')?.attributes['type'] === 'pflash'
  return isFlash && (find(os, 'nvram')?.attributes['format'] !== 'qcow2' || textAt(os, 'nvram') === undefined)
}
