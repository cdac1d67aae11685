import { basename } from 'node:path'
import { childrenOf, el, find, type XmlElement, type XmlNode } from '../../lib/xml.ts'
import type { Basis } from './domain-basis.ts'
import { parseMark } from './mark-xml.ts'
import { isOverlay } from './overlay-name.ts'

/**
 * The model's disks, in their order, on the wanted files; those beyond the model's as they are wanted. CD-ROMs and
 * floppies are empty, but for the seed, which goes into the model's first CD-ROM or, without one, on its own bus.
 */
export function basedDisks(basis: Basis, model: XmlElement, wanted: XmlElement): readonly XmlElement[] {
  const seed = childrenOf(wanted, 'disk').find((disk) => find(disk, 'readonly') !== undefined)
  const files = childrenOf(wanted, 'disk').filter((disk) => disk !== seed)
  const isDisk = (disk: XmlElement): boolean => (disk.attributes['device'] ?? 'disk') === 'disk'
  const isSeed = (disk: XmlElement): boolean => basis.of === 'itself' && holdsSeed(basis, disk, seed)
  const slots = childrenOf(model, 'disk').filter((disk) => isDisk(disk) && !isSeed(disk))
  // The devices decide where they are those of the model; else, as for machines of other buses, the order.
  const isByDevice = slots.every((slot) => files.some((file) => deviceOf(file) === deviceOf(slot)))
  const disks = files.map((file, index) => {
    const slot = isByDevice ? slots.find((one) => deviceOf(one) === deviceOf(file)) : slots[index]
    return slot === undefined ? file : withFile(basis, slot, file)
  })
  const media = childrenOf(model, 'disk').filter((disk) => !isDisk(disk) || isSeed(disk))
  if (seed === undefined) return [...disks, ...media.flatMap((disk) => without(basis, disk, isSeed(disk)))]
  const place = media.find(isSeed) ?? media.find(({ attributes }) => attributes['device'] === 'cdrom')
  const others = media.filter((disk) => disk !== place).flatMap((disk) => without(basis, disk, isSeed(disk)))
  if (place !== undefined) return [...disks, ...others, withMedium(place, seed)]
  return [...disks, ...others, onFreeDevice(seed, [...disks, ...others])]
}

const sourceOf = (disk: XmlElement): string => find(disk, 'source')?.attributes['file'] ?? ''
const deviceOf = (disk: XmlElement): string => find(disk, 'target')?.attributes['dev'] ?? ''

/** The seed of now, or the one that the mark names. */
function holdsSeed({ model }: Basis, disk: XmlElement, seed: XmlElement | undefined): boolean {
  const path = sourceOf(disk)
  if (path === '') return false
  if (seed !== undefined && path === sourceOf(seed)) return true
  const marked = parseMark(model)?.volumes.find(({ role }) => role === 'seed')
  return marked !== undefined && basename(path) === marked.name
}

function withFile({ of, vm }: Basis, slot: XmlElement, file: XmlElement): XmlElement {
  if (of === 'itself' && isOverlay(sourceOf(slot), vm.name, deviceOf(slot))) return slot
  const { type, ...tuning } = find(slot, 'driver')?.attributes ?? {}
  const format = find(file, 'driver')?.attributes['type'] ?? type
  const kept = ['target', 'iotune', 'boot', 'address', 'alias', 'serial', 'wwn', 'blockio', 'geometry']
  return {
    name: 'disk',
    attributes: { type: 'file', device: 'disk' },
    children: [
      el('driver', { ...tuning, name: 'qemu', type: format }),
      el('source', { file: sourceOf(file) }),
      ...slot.children.filter((child) => isNamed(child, kept)),
    ],
  }
}

const isNamed = (child: XmlNode, names: readonly string[]): child is XmlElement =>
  typeof child !== 'string' && names.includes(child.name)

/** Of a template all media are taken out; of a machine itself only the seed that it has no longer. */
function without({ of }: Basis, disk: XmlElement, isSeed: boolean): readonly XmlElement[] {
  if (of === 'itself' && !isSeed) return [disk]
  const kept = disk.children.filter((child) =>
    isNamed(child, ['target', 'address', 'alias', 'boot', 'readonly']),
  )
  if ((disk.attributes['device'] ?? 'disk') === 'disk') return []
  return [{ name: 'disk', attributes: { ...disk.attributes, type: 'file' }, children: kept }]
}

const withMedium = (place: XmlElement, seed: XmlElement): XmlElement => ({
  name: 'disk',
  attributes: { ...place.attributes, type: 'file' },
  children: [
    ...seed.children.filter((child) => isNamed(child, ['driver', 'source'])),
    ...place.children.filter((child) => isNamed(child, ['target', 'address', 'alias', 'boot'])),
    el('readonly'),
  ],
})

const letters = [...'abcdefghijklmnopqrstuvwxyz']

/** The template may have a disk where seeds usually are. */
function onFreeDevice(seed: XmlElement, others: readonly XmlElement[]): XmlElement {
  const taken = others.map(deviceOf)
  const device = deviceOf(seed)
  if (!taken.includes(device)) return seed
  const prefix = device.slice(0, 2)
  const free = letters.map((letter) => prefix + letter).find((name) => !taken.includes(name)) ?? device
  const children = seed.children.map((child) =>
    isNamed(child, ['target']) ? { ...child, attributes: { ...child.attributes, dev: free } } : child,
  )
  return { ...seed, children }
}
