import { childrenOf, el, find, textAt, type XmlElement, type XmlNode } from '../../lib/xml.ts'
import type { VmDefinition } from '../contract.ts'
import { mergeMetadata } from './domain-merge.ts'
import { requestNamespace } from './domain-xml.ts'
import { isOf } from './mark-xml.ts'
import { basedDisks } from './basis-disks.ts'
import { basedInterfaces } from './basis-interfaces.ts'

/** What is to be a machine on the basis of another, beside `wanted`, which is the machine built from nothing. */
export interface Basis {
  /** The definition of the template, or of the machine itself when it exists already. */
  readonly model: XmlElement
  readonly of: 'template' | 'itself'
  readonly wanted: XmlElement
  readonly vm: VmDefinition
}

/**
 * The machine with devices, firmware and tuning of its model. Ours are name, UUID, mark, memory, vCPUs, what its
 * disks hold, and the MAC addresses and networks of its interfaces, which keep model and PCI address, and so their
 * names in the guest. A template's identity is left out: firmware variables (see `copyVariables`), media, labels,
 * ports and files of the host that only one machine can have.
 */
export function basedDomain({ model, of, wanted, vm }: Basis): XmlElement {
  const own = (name: string): readonly XmlElement[] => childrenOf(wanted, name)
  const metadata = withoutRequest(find(wanted, 'metadata'))
  const based = (child: XmlElement): readonly XmlElement[] => {
    switch (child.name) {
      case 'name':
      case 'uuid':
      case 'title':
      case 'description':
      case 'memory':
      case 'currentMemory':
      case 'vcpu':
        return []
      case 'metadata':
        return [mergeMetadata(child, metadata)]
      case 'os':
        return [of === 'template' ? withoutVariables(child) : child]
      case 'cpu':
        return [basedCpu(child, own('cpu')[0], vm)]
      case 'genid':
        return of === 'template' ? [el('genid')] : [child]
      case 'sysinfo':
        return of === 'template' ? [withoutUuid(child)] : [child]
      case 'seclabel':
        return of === 'template' && child.attributes['type'] === 'dynamic' ? [] : [child]
      case 'devices':
        return [basedDevices({ model, of, wanted, vm }, child)]
      default:
        return [child]
    }
  }
  const identity = ['name', 'uuid', 'title', 'description', 'memory', 'currentMemory'].flatMap(own)
  const isMissing = (name: string): boolean => find(model, name) === undefined
  return {
    name: 'domain',
    attributes: { ...model.attributes, ...wanted.attributes },
    children: [
      ...identity,
      basedVcpu(model, vm),
      ...(isMissing('metadata') ? [metadata] : []),
      ...(isMissing('cpu') ? own('cpu') : []),
      ...elementsOf(model).flatMap(based),
    ],
  }
}

const elementsOf = (element: XmlElement): readonly XmlElement[] =>
  element.children.filter((child: XmlNode): child is XmlElement => typeof child !== 'string')

/** Of the machine type the model's is taken, whatever was asked for. */
const withoutRequest = (metadata: XmlElement | undefined): XmlElement => {
  const children = metadata === undefined ? [] : elementsOf(metadata)
  return el('metadata', {}, ...children.filter((child) => !isOf(child, requestNamespace)))
}

/** The pinning stays; a number of hot-plugged vCPUs does not. */
const basedVcpu = (model: XmlElement, vm: VmDefinition): XmlElement => {
  const { current: _current, ...attributes } = find(model, 'vcpu')?.attributes ?? {}
  return el('vcpu', attributes, String(vm.vcpus))
}

/** Without its path libvirt names the file of the firmware's variables after the machine. */
function withoutVariables(os: XmlElement): XmlElement {
  const children = elementsOf(os).flatMap((child): readonly XmlElement[] => {
    if (child.name !== 'nvram') return [child]
    const { template, templateFormat, format } = child.attributes
    return template === undefined ? [] : [el('nvram', { template, templateFormat, format })]
  })
  return { ...os, children }
}

/** Emulation has no processor of the host to pass through or to be modelled after. */
function basedCpu(model: XmlElement, wanted: XmlElement | undefined, vm: VmDefinition): XmlElement {
  const isHosts = model.attributes['mode']?.startsWith('host-') === true
  const base = isHosts && vm.acceleration === 'emulation' && wanted !== undefined ? wanted : model
  const topology = vm.singleSocket
    ? el('topology', { sockets: 1, dies: 1, cores: vm.vcpus, threads: 1 })
    : undefined
  const others = elementsOf(base).filter(({ name }) => name !== 'topology' && name !== 'numa')
  return { ...base, children: topology === undefined ? others : [...others, topology] }
}

const withoutUuid = (sysinfo: XmlElement): XmlElement => ({
  ...sysinfo,
  children: elementsOf(sysinfo).map((group) => ({
    ...group,
    children: elementsOf(group).filter(
      ({ attributes }) => !['uuid', 'serial'].includes(attributes['name'] ?? ''),
    ),
  })),
})

function basedDevices(basis: Basis, devices: XmlElement): XmlElement {
  const { of } = basis
  const wanted = find(basis.wanted, 'devices') ?? el('devices')
  const disks = basedDisks(basis, devices, wanted)
  const others = elementsOf(devices).filter(({ name }) => name !== 'disk' && name !== 'interface')
  return {
    ...devices,
    children: [
      ...disks,
      ...scsiController(others, disks, wanted),
      ...basedInterfaces(devices, wanted),
      ...(of === 'template' ? others.map(withoutHostResources) : others),
    ],
  }
}

/** For a seed on a bus that the model lacks. */
const scsiController = (
  others: readonly XmlElement[],
  disks: readonly XmlElement[],
  wanted: XmlElement,
): readonly XmlElement[] => {
  const isScsi = ({ name, attributes }: XmlElement) => name === 'controller' && attributes['type'] === 'scsi'
  const isNeeded = disks.some((disk) => find(disk, 'target')?.attributes['bus'] === 'scsi')
  return isNeeded && !others.some(isScsi) ? elementsOf(wanted).filter(isScsi) : []
}

const consoles = ['serial', 'parallel', 'console', 'channel']

/** Ports, sockets and files that two machines cannot share, libvirt then chooses. */
function withoutHostResources(device: XmlElement): XmlElement {
  const { name, attributes } = device
  const without = (...names: readonly string[]): readonly XmlElement[] =>
    elementsOf(device).filter((child) => !names.includes(child.name))
  if (name === 'graphics') {
    const { port: _port, tlsPort: _tls, websocket: _socket, ...kept } = attributes
    const isNetwork = attributes['type'] === 'vnc' || attributes['type'] === 'spice'
    const listens = without('listen').concat(
      childrenOf(device, 'listen').filter((listen) => listen.attributes['type'] !== 'socket'),
    )
    return isNetwork ? { name, attributes: { ...kept, autoport: 'yes' }, children: listens } : device
  }
  if (name === 'vsock') return { ...device, children: [...without('cid'), el('cid', { auto: 'yes' })] }
  if (!consoles.includes(name)) return device
  const isOwn = ['pty', 'spicevmc', 'qemu-vdagent', 'null'].includes(attributes['type'] ?? '')
  const isAgent = name === 'channel' && attributes['type'] === 'unix'
  return {
    name,
    attributes: { ...attributes, ...(isOwn || isAgent ? {} : { type: 'pty' }) },
    children: without('source', 'log', 'protocol'),
  }
}

/** Devices of the host itself, which two machines cannot have: what they are, for a message. */
export const hostDevicesOf = (domain: XmlElement): readonly string[] =>
  elementsOf(find(domain, 'devices') ?? el('devices')).flatMap((device) => {
    if (device.name === 'hostdev') return [`a ${device.attributes['type'] ?? 'host'} device`]
    if (device.name === 'interface' && device.attributes['type'] === 'hostdev') return ['a network card']
    return []
  })

/** Where the firmware's variables are, as far as the definition says. */
export const variablesPathOf = (domain: XmlElement): string | undefined =>
  textAt(domain, 'os', 'nvram') || undefined
