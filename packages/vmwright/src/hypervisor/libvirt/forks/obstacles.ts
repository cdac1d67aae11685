import { childrenOf, find, type XmlElement } from '../../../lib/xml.ts'

/** Why such a machine cannot be forked, as a sentence; `undefined`: it can. Of the definition that runs. Pure. */
export function forkObstacle(domain: XmlElement): string | undefined {
  const type = domain.attributes['type']
  if (type !== 'qemu' && type !== 'kvm')
    return `it is a machine of type ${type ?? 'unknown'}, and not of QEMU`
  const devices = find(domain, 'devices')
  for (const disk of childrenOf(devices, 'disk')) {
    const device = find(disk, 'target')?.attributes['dev'] ?? 'one'
    const file = find(disk, 'source')?.attributes['file']
    const isEmpty = find(disk, 'source') === undefined
    if (!isEmpty && file === undefined) return `its disk ${device} is not a file`
  }
  if (childrenOf(devices, 'interface').some(({ attributes }) => attributes['type'] === 'hostdev'))
    return 'it has a network card of the host'
  if (isInvariant(domain)) return 'its processor has the feature invtsc, with which QEMU saves no memory'
  for (const [name, what] of alien)
    if (childrenOf(devices, name).length > 0) return `it has ${what}, which would be shared by all forks`
  if (!childrenOf(devices, 'channel').some(isAgent)) return 'it has no channel for the guest agent'
  if (find(domain, 'memoryBacking') !== undefined || find(domain, 'maxMemory') !== undefined)
    return 'its memory has a form of its own (huge pages, a file, or slots to plug more in)'
  if (find(domain, 'cpu', 'numa') !== undefined) return 'its memory is divided into NUMA cells'
  if (find(domain, 'qemu:commandline') !== undefined) return 'it has options for QEMU of its own'
  return undefined
}

const alien: readonly (readonly [element: string, what: string])[] = [
  ['hostdev', 'a device of the host'],
  ['filesystem', 'a folder of the host'],
  ['shmem', 'memory that it shares with others'],
  ['memory', 'memory that was plugged in'],
  ['tpm', 'a TPM'],
]

const isInvariant = (domain: XmlElement): boolean =>
  childrenOf(find(domain, 'cpu'), 'feature').some(
    ({ attributes }) => attributes['name'] === 'invtsc' && attributes['policy'] !== 'disable',
  )

const isAgent = (channel: XmlElement): boolean =>
  find(channel, 'target')?.attributes['name'] === 'org.qemu.guest_agent.0'
