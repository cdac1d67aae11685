import { childrenOf, find, parseXml, textAt, type XmlElement } from '../../lib/xml.ts'
import type { ObservedVm } from '../contract.ts'
import { requestNamespace } from './domain-xml.ts'
import { metadataIn, parseMark } from './mark-xml.ts'

/** What the domain's own XML tells; state, autostart and snapshots are asked for elsewhere. */
export type DescribedVm = Omit<ObservedVm, 'state' | 'autostart' | 'snapshots' | 'detached'>

/** Reads `<domain>` as libvirt returns it (best the inactive one: what holds at the next start). */
export function parseDomain(xml: string): DescribedVm {
  const domain = parseXml(xml)
  const vcpus = Number(textAt(domain, 'vcpu') ?? 1)
  const devices = find(domain, 'devices')
  return {
    name: textAt(domain, 'name') ?? '',
    id: (textAt(domain, 'uuid') ?? '').toLowerCase(),
    mark: parseMark(domain),
    vcpus,
    singleSocket: isSingleSocket(domain, vcpus),
    memoryMib: Math.round(kibOf(find(domain, 'memory')) / 1024),
    machine: machineOf(domain),
    firmware: isUefi(domain) ? 'uefi' : 'bios',
    secureBoot: hasSecureBoot(domain),
    interfaces: childrenOf(devices, 'interface').flatMap(parseInterface),
    disks: childrenOf(devices, 'disk').flatMap(parseDisk),
  }
}

/**
 * libvirt replaces an alias (`q35`) by the version of today (`pc-q35-7.2`), which later starts keep. What was
 * asked for is remembered beside the mark; of foreign machines the alias is guessed back.
 */
function machineOf(domain: XmlElement): string {
  const actual = find(domain, 'os', 'type')?.attributes['machine'] ?? ''
  const asked = metadataIn(domain, requestNamespace)?.attributes['machine']
  return asked ?? actual.replace(/^pc-q35-[\d.]+$/, 'q35').replace(/^pc-i440fx-[\d.]+$/, 'pc')
}

function isSingleSocket(domain: XmlElement, vcpus: number): boolean {
  const { sockets, dies, cores, threads } = find(domain, 'cpu', 'topology')?.attributes ?? {}
  return sockets === '1' && (dies ?? '1') === '1' && threads === '1' && Number(cores) === vcpus
}

function isUefi(domain: XmlElement): boolean {
  const os = find(domain, 'os')
  return os?.attributes['firmware'] === 'efi' || find(os, 'loader')?.attributes['type'] === 'pflash'
}

function hasSecureBoot(domain: XmlElement): boolean {
  const os = find(domain, 'os')
  const feature = childrenOf(find(os, 'firmware'), 'feature').find(
    ({ attributes }) => attributes['name'] === 'secure-boot',
  )
  return (feature?.attributes['enabled'] ?? find(os, 'loader')?.attributes['secure']) === 'yes'
}

function parseInterface(element: XmlElement): ObservedVm['interfaces'] {
  const mac = find(element, 'mac')?.attributes['address']
  const { network, bridge } = find(element, 'source')?.attributes ?? {}
  return mac === undefined ? [] : [{ mac: mac.toLowerCase(), network: network ?? bridge }]
}

function parseDisk(element: XmlElement): ObservedVm['disks'] {
  const device = find(element, 'target')?.attributes['dev']
  const { file, dev } = find(element, 'source')?.attributes ?? {}
  const kind = element.attributes['device'] === 'cdrom' ? 'cdrom' : 'disk'
  return device === undefined
    ? []
    : [{ device, path: file ?? dev, kind, format: find(element, 'driver')?.attributes['type'] }]
}

const kibPer: Readonly<Record<string, number>> = {
  b: 1 / 1024,
  KiB: 1,
  k: 1,
  MiB: 1024,
  M: 1024,
  GiB: 1024 ** 2,
  G: 1024 ** 2,
}

const kibOf = (memory: XmlElement | undefined): number =>
  Number(textAt(memory) ?? 0) * (kibPer[memory?.attributes['unit'] ?? 'KiB'] ?? 1)
