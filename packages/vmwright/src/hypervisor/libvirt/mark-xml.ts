import { childrenOf, el, find, textAt, type XmlElement } from '../../lib/xml.ts'
import type { MarkedVolume, VmMark } from '../contract.ts'

/** Namespace of the mark in a domain's `<metadata>`, and the prefix it is written with. */
export const markNamespace = 'urn:vmwright:vm:1'
export const markPrefix = 'vmwright'

/**
 * The mark as an element without prefix: libvirt adds namespace and prefix itself when it takes the element
 * alone (`virDomainSetMetadata`).
 */
export function markElement(mark: VmMark): XmlElement {
  return el(
    'vm',
    {
      project: mark.project,
      instance: mark.instance,
      stage: mark.stage,
      user: mark.user,
      run: mark.run,
      used: mark.used && 'yes',
      making: mark.making,
    },
    el(mark.image.kind, { id: mark.image.id, digest: mark.image.digest }),
    el('seed', {
      instanceId: mark.seed.instanceId,
      digest: mark.seed.digest,
      sealed: mark.seed.sealed ? 'yes' : 'no',
    }),
    ...mark.volumes.map(({ role, device, pool, name }) => el('volume', { role, device, pool, name })),
    ...mark.hostKeys.map((key) => el('hostKey', {}, key)),
    ...(mark.addresses ?? []).map((address) => el('address', {}, address)),
  )
}

/** An element and all below it with the prefix, the namespace declared on it: as it stands in a whole domain. */
export function prefixed(element: XmlElement, prefix: string, namespace: string): XmlElement {
  const { name, attributes, children } = rename(element, (name) => `${prefix}:${name}`)
  return { name, attributes: { [`xmlns:${prefix}`]: namespace, ...attributes }, children }
}

/** The child of `<metadata>` in that namespace, whatever its prefix, with all prefixes taken off. */
export function metadataIn(domain: XmlElement, namespace: string): XmlElement | undefined {
  const element = find(domain, 'metadata')?.children.find(
    (child): child is XmlElement => typeof child !== 'string' && isOf(child, namespace),
  )
  return element && rename(element, (name) => name.slice(name.indexOf(':') + 1))
}

/** True for an element that declares the namespace as its own. */
export function isOf(element: XmlElement, namespace: string): boolean {
  const colon = element.name.indexOf(':')
  const declaration = colon === -1 ? 'xmlns' : `xmlns:${element.name.slice(0, colon)}`
  return element.attributes[declaration] === namespace
}

/**
 * Reads the mark of a domain. `undefined`: there is none, or not one that this version understands, which must
 * then be left alone. Attributes and elements added by later versions are ignored.
 */
export function parseMark(domain: XmlElement): VmMark | undefined {
  const vm = metadataIn(domain, markNamespace)
  if (vm === undefined) return undefined
  const { project, instance, stage, user, run, used, making } = vm.attributes
  const template = find(vm, 'template')
  const source = (template ?? find(vm, 'image'))?.attributes ?? {}
  const seed = find(vm, 'seed')?.attributes ?? {}
  if (project === undefined || instance === undefined || !isStage(stage)) return undefined
  const addresses = childrenOf(vm, 'address').map((address) => textAt(address) ?? '')
  return {
    project,
    instance,
    stage,
    image: {
      kind: template === undefined ? 'image' : 'template',
      id: source['id'] ?? '',
      digest: source['digest'] ?? '',
    },
    volumes: childrenOf(vm, 'volume').flatMap(parseVolume),
    seed: {
      instanceId: seed['instanceId'] ?? '',
      digest: seed['digest'] ?? '',
      sealed: seed['sealed'] === 'yes',
    },
    hostKeys: childrenOf(vm, 'hostKey').map((key) => textAt(key) ?? ''),
    user: user ?? '',
    ...(run === undefined ? {} : { run }),
    ...(used === 'yes' ? { used: true } : {}),
    ...(making === undefined ? {} : { making }),
    ...(addresses.length === 0 ? {} : { addresses }),
  }
}

function parseVolume({ attributes }: XmlElement): readonly MarkedVolume[] {
  const { role, device, pool, name } = attributes
  if (role !== 'root' && role !== 'extra' && role !== 'seed') return []
  if (device === undefined || pool === undefined || name === undefined) return []
  return [{ role, device, pool, name }]
}

const isStage = (text: string | undefined): text is VmMark['stage'] =>
  text === 'creating' || text === 'created' || text === 'provisioned'

function rename({ name, attributes, children }: XmlElement, to: (name: string) => string): XmlElement {
  return {
    name: to(name),
    attributes,
    children: children.map((child) => (typeof child === 'string' ? child : rename(child, to))),
  }
}
