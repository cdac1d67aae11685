import { childrenOf, el, find, textAt, type XmlElement, type XmlNode } from '../../../lib/xml.ts'
import type { VmMark } from '../../contract.ts'
import { markElement, markNamespace, markPrefix, prefixed } from '../mark-xml.ts'

/** Namespace for the source that a machine was forked from, in its metadata. */
export const forkNamespace = 'urn:vmwright:fork:1'
const forkPrefix = 'vmwright-fork'
const qemuNamespace = 'http://libvirt.org/schemas/domain/qemu/1.0'

/** What makes a copy of a domain another one. */
export interface OtherIdentity {
  readonly name: string
  /** UUID. */
  readonly id: string
  readonly macs: readonly string[]
  /** Files by device; a device that is not here keeps its own. */
  readonly disks: ReadonlyMap<string, { readonly path: string; readonly format: string }>
  /** File with the variables of its firmware; `undefined`: it has none. */
  readonly variables: string | undefined
  /** `undefined`: nobody's, such as a machine that never runs. */
  readonly mark: { readonly mark: VmMark; readonly source: string } | undefined
}

/** The domain as another one: all else, down to the addresses on its buses, is what it was. Pure. */
export function asOther(domain: XmlElement, other: OtherIdentity): XmlElement {
  const { mark } = other
  return mapped(domain, (child) => {
    switch (child.name) {
      case 'name':
        return el('name', {}, other.name)
      case 'uuid':
        return el('uuid', {}, other.id)
      case 'title':
        return mark === undefined
          ? undefined
          : el('title', {}, `${mark.mark.instance} of ${mark.mark.project}`)
      case 'os':
        return mapped(child, (entry) =>
          entry.name === 'nvram' && other.variables !== undefined
            ? { ...entry, children: [other.variables] }
            : entry,
        )
      case 'metadata':
        return mapped(child, (entry) => otherMetadata(entry, mark))
      case 'devices': {
        let index = 0
        return mapped(child, (device) => {
          if (device.name === 'disk') return otherDisk(device, other.disks)
          return device.name === 'interface' ? otherInterface(device, other.macs[index++]) : device
        })
      }
      default:
        return child
    }
  })
}

function otherMetadata(entry: XmlElement, mark: OtherIdentity['mark']): XmlNode | undefined {
  if (Object.values(entry.attributes).includes(forkNamespace)) return undefined
  if (!Object.values(entry.attributes).includes(markNamespace)) return entry
  if (mark === undefined) return undefined
  return {
    name: 'both',
    attributes: {},
    children: [
      prefixed(markElement(mark.mark), markPrefix, markNamespace),
      prefixed(el('fork', { source: mark.source }), forkPrefix, forkNamespace),
    ],
  }
}

function otherDisk(disk: XmlElement, disks: OtherIdentity['disks']): XmlElement {
  const file = disks.get(find(disk, 'target')?.attributes['dev'] ?? '')
  if (file === undefined) return disk
  return mapped(disk, (child) => {
    if (child.name === 'backingStore') return undefined
    if (child.name === 'driver') return { ...child, attributes: { ...child.attributes, type: file.format } }
    return child.name === 'source' ? el('source', { file: file.path }) : child
  })
}

/** What libvirt adds while a machine runs names ports and bridges of that machine. */
function otherInterface(device: XmlElement, mac: string | undefined): XmlElement {
  return mapped(device, (child) => {
    if (child.name === 'mac' && mac !== undefined) return el('mac', { address: mac })
    if (child.name === 'target') return undefined
    if (child.name !== 'source') return child
    const { network } = child.attributes
    return network === undefined ? child : el('source', { network })
  })
}

/** Its memory lies in a file that libvirt makes for it, on a disk or in the host's memory. */
export const withSharedMemory = (domain: XmlElement, type: 'file' | 'memfd'): XmlElement => ({
  ...domain,
  children: [
    ...domain.children,
    el('memoryBacking', {}, el('source', { type }), el('access', { mode: 'shared' })),
  ],
})

/**
 * Its memory is a private mapping of that file, from which it differs only where it writes; its cables are unplugged.
 * Of two `-machine` options QEMU takes the later one's word.
 */
export function withPrivateMemory(
  domain: XmlElement,
  memory: { readonly block: string; readonly path: string; readonly sizeBytes: number },
): XmlElement {
  const backend = {
    'qom-type': 'memory-backend-file',
    id: memory.block,
    'mem-path': memory.path,
    size: memory.sizeBytes,
    share: false,
    'x-use-canonical-path-for-ramblock-id': false,
  }
  const words = ['-object', JSON.stringify(backend), '-machine', `memory-backend=${memory.block}`]
  const bare = mapped(domain, (child) => {
    if (child.name === 'memoryBacking') return undefined
    if (child.name === 'features' && domain.attributes['type'] === 'qemu')
      return { ...child, children: [...child.children, translationCache] }
    return child.name === 'devices' ? mapped(child, unplugged) : child
  })
  return {
    ...bare,
    attributes: { ...bare.attributes, 'xmlns:qemu': qemuNamespace },
    children: [
      ...bare.children,
      el('qemu:commandline', {}, ...words.map((value) => el('qemu:arg', { value }))),
    ],
  }
}

/**
 * An emulator keeps what it has translated of the guest's programs, up to a gibibyte: more than all else that a fork has
 * of its own. From its first restart on it may do so again.
 */
const translationCache = el('tcg', {}, el('tb-cache', { unit: 'MiB' }, '48'))

const unplugged = (device: XmlElement): XmlElement =>
  device.name === 'interface' ? withLink(device, 'down') : device

/** An interface with its cable plugged in or not. */
export const withLink = (device: XmlElement, state: 'up' | 'down'): XmlElement => ({
  ...device,
  children: [
    ...device.children.filter((child) => typeof child === 'string' || child.name !== 'link'),
    el('link', { state }),
  ],
})

export const interfacesOf = (domain: XmlElement): readonly XmlElement[] =>
  childrenOf(find(domain, 'devices'), 'interface')

/** The file with the variables of its firmware; `undefined`: it has none. */
export const variablesOf = (domain: XmlElement): string | undefined => textAt(find(domain, 'os'), 'nvram')

/** The source that the domain was forked from; `undefined`: it was not. */
export function sourceOf(domain: XmlElement): string | undefined {
  const entry = find(domain, 'metadata')?.children.find(
    (child) => typeof child !== 'string' && Object.values(child.attributes).includes(forkNamespace),
  )
  return typeof entry === 'string' ? undefined : entry?.attributes['source']
}

/** An element with others in the place of its children; `both` stands for its own children. */
function mapped(element: XmlElement, change: (child: XmlElement) => XmlNode | undefined): XmlElement {
  const children = element.children.flatMap((child): readonly XmlNode[] => {
    const changed = typeof child === 'string' ? child : change(child)
    if (changed === undefined) return []
    return typeof changed !== 'string' && changed.name === 'both' ? changed.children : [changed]
  })
  return { ...element, children }
}
