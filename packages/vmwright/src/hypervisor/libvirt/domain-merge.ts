import { childrenOf, find, textAt, type XmlElement, type XmlNode } from '../../lib/xml.ts'
import { isOf, parseMark } from './mark-xml.ts'
import { isOverlay } from './overlay-name.ts'

/**
 * Brings an existing definition to the wanted one and keeps what others added (devices, tuning, metadata).
 *
 * Ours, hence replaced: title, description, our metadata, memory, vCPUs, CPU, and firmware where it changes;
 * disks that the wanted definition or the old mark names; all interfaces. A disk or interface that stays the
 * same keeps its element, with PCI address and tuning; so does a disk over which a snapshot lies. Everything else stays as it is.
 */
export function mergeDomain(existing: XmlElement, wanted: XmlElement): XmlElement {
  const replaced = ['title', 'description', 'memory', 'currentMemory', 'vcpu', 'cpu', 'features', 'on_crash']
  const merged = replaceChildren(existing, wanted, replaced)
  return {
    ...merged,
    attributes: { ...merged.attributes, ...wanted.attributes },
    children: merged.children.map((child) => {
      if (typeof child === 'string') return child
      const own = find(wanted, child.name)
      if (own === undefined) return child
      if (child.name === 'metadata') return mergeMetadata(child, own)
      if (child.name === 'os') return isSameBoot(child, own) ? child : own
      if (child.name === 'devices') {
        const vm = textAt(existing, 'name') ?? ''
        return mergeDevices(child, own, { vm, marked: disksOfMark(existing) })
      }
      return child
    }),
  }
}

/** Takes the children of these names from `wanted`, in place of the existing ones; new ones go to the end. */
function replaceChildren(existing: XmlElement, wanted: XmlElement, names: readonly string[]): XmlElement {
  const kept = existing.children.flatMap((child): readonly XmlNode[] => {
    if (typeof child === 'string' || !names.includes(child.name)) return [child]
    return find(existing, child.name) === child ? childrenOf(wanted, child.name) : []
  })
  const present = (name: string) => find(existing, name) !== undefined
  const added = [...names, 'metadata', 'os', 'devices']
    .filter((name) => !present(name))
    .flatMap((name) => childrenOf(wanted, name))
  return { ...existing, children: [...kept, ...added] }
}

/** Other people's metadata with ours, old or new, taken out and the wanted put in. */
export function mergeMetadata(existing: XmlElement, wanted: XmlElement): XmlElement {
  const ours = wanted.children.filter((child) => typeof child !== 'string')
  const namespaces = ours.flatMap((child) =>
    Object.entries(child.attributes).flatMap(([name, value]) => (name.startsWith('xmlns') ? [value] : [])),
  )
  const theirs = existing.children.filter(
    (child) => typeof child !== 'string' && !namespaces.some((namespace) => isOf(child, namespace)),
  )
  return { ...existing, children: [...theirs, ...ours] }
}

/** Same firmware and machine: libvirt's choices (machine version, loader, NVRAM file) are kept. */
function isSameBoot(existing: XmlElement, wanted: XmlElement): boolean {
  const machine = (os: XmlElement) => find(os, 'type')?.attributes['machine'] ?? ''
  const isAlias = ['q35', 'pc', 'virt', 'pseries', 's390-ccw-virtio'].includes(machine(wanted))
  const family = machine(wanted) === 'pc' ? 'i440fx' : machine(wanted)
  const sameMachine = isAlias ? machine(existing).includes(family) : machine(existing) === machine(wanted)
  return sameMachine && firmwareOf(existing) === firmwareOf(wanted)
}

function firmwareOf(os: XmlElement): string {
  const loader = find(os, 'loader')?.attributes
  const efi = os.attributes['firmware'] === 'efi' || loader?.['type'] === 'pflash'
  const feature = childrenOf(find(os, 'firmware'), 'feature').find(
    ({ attributes }) => attributes['name'] === 'secure-boot',
  )
  const secure = feature?.attributes['enabled'] ?? loader?.['secure'] ?? 'no'
  return efi ? `efi, secure ${secure}` : 'bios'
}

function mergeDevices(
  existing: XmlElement,
  wanted: XmlElement,
  { vm, marked }: { readonly vm: string; readonly marked: readonly string[] },
): XmlElement {
  const wantedDisks = childrenOf(wanted, 'disk')
  const ownDevices = [...marked, ...wantedDisks.map(deviceOf)]
  const foreign = existing.children.filter(
    (child) =>
      typeof child === 'string' ||
      (child.name !== 'interface' &&
        !(child.name === 'emulator' && find(wanted, 'emulator') !== undefined) &&
        !(child.name === 'disk' && ownDevices.includes(deviceOf(child)))),
  )
  const keepOrTake = (name: string, isSame: (old: XmlElement, own: XmlElement) => boolean) =>
    childrenOf(wanted, name).map((own) => childrenOf(existing, name).find((old) => isSame(old, own)) ?? own)
  const controllers = childrenOf(wanted, 'controller').filter(
    (own) => !childrenOf(existing, 'controller').some((old) => keyOfController(old) === keyOfController(own)),
  )
  return {
    ...existing,
    children: [
      ...childrenOf(wanted, 'emulator'),
      ...keepOrTake('disk', (old, own) => isSameDisk(old, own, vm)),
      ...controllers,
      ...keepOrTake('interface', (old, own) => keyOfInterface(old) === keyOfInterface(own)),
      ...foreign,
    ],
  }
}

const disksOfMark = (domain: XmlElement): readonly string[] =>
  parseMark(domain)?.volumes.map(({ device }) => device) ?? []

const deviceOf = (disk: XmlElement): string => find(disk, 'target')?.attributes['dev'] ?? ''

/** The same place in the machine, and the same file or what an external snapshot put over it. */
function isSameDisk(old: XmlElement, own: XmlElement, vm: string): boolean {
  const place = (disk: XmlElement): string =>
    JSON.stringify([deviceOf(disk), find(disk, 'target')?.attributes['bus'], disk.attributes['device']])
  const content = (disk: XmlElement): string =>
    JSON.stringify([fileOf(disk), find(disk, 'driver')?.attributes['type']])
  if (place(old) !== place(own)) return false
  return content(old) === content(own) || isOverlay(fileOf(old), vm, deviceOf(old))
}

const fileOf = (disk: XmlElement): string => find(disk, 'source')?.attributes['file'] ?? ''

const keyOfInterface = (element: XmlElement): string =>
  JSON.stringify([
    find(element, 'mac')?.attributes['address']?.toLowerCase(),
    find(element, 'source')?.attributes['network'],
  ])

const keyOfController = ({ attributes }: XmlElement): string =>
  JSON.stringify([attributes['type'], attributes['index'] ?? '0'])
