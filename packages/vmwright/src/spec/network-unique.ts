import { type Cidr, edgesOf, formatCidr, parseCidr } from './ip.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { InstanceSpec } from './resolved.ts'
import type { NetworkSpec } from './resolved-places.ts'

/** K4. Networks of one spec have their own names, bridges, MACs and addresses: they meet on the same hosts. */
export function checkNetworks(
  networks: readonly NetworkSpec[],
  instances: readonly InstanceSpec[],
  report: Report,
): void {
  const macs = new Map(instances.flatMap(({ name, interfaces }) => interfaces.map(({ mac }) => [mac, name])))
  for (const [index, network] of networks.entries()) {
    const earlier = networks.slice(0, index)
    const { id, own } = network
    if (own === undefined) continue
    const at = ['networks', id]
    const sameName = networks.find((other) => other !== network && other.name === network.name)
    if (sameName !== undefined && (sameName.own === undefined || earlier.includes(sameName)))
      tell([...at, 'name'], `${network.name} is the name of the network`, sameName.id, report)
    const sameBridge = earlier.find((other) => other.own !== undefined && meet(network, other))
    if (sameBridge !== undefined)
      tell([...at, 'bridge'], `${own.bridge} is the bridge of the network`, sameBridge.id, report)
    const sameMac = earlier.find((other) => own.mac !== undefined && other.own?.mac === own.mac)
    if (sameMac !== undefined) tell([...at, 'mac'], `is the MAC of the network`, sameMac.id, report)
    const instance = own.mac === undefined ? undefined : macs.get(own.mac)
    if (instance !== undefined) tell([...at, 'mac'], 'is the MAC of the instance', instance, report)
    checkOverlap(network, earlier, report)
    checkRecords(network, instances, report)
  }
}

/** A name has one meaning: the DNS of a network knows the instances that have an address there. */
function checkRecords({ id, own }: NetworkSpec, instances: readonly InstanceSpec[], report: Report): void {
  const suffix = own?.domain === undefined ? '' : `.${own.domain.toLowerCase()}`
  const addresses = new Map(
    instances.flatMap(({ name, interfaces }) => {
      const here = interfaces.filter(({ network }) => network === id)
      const known = here.flatMap((nic) => [...nic.addresses, ...nic.leases]).map((text) => text.split('/')[0])
      return known.length === 0 ? [] : [[name.toLowerCase(), known] as const]
    }),
  )
  for (const written of report.keys(['networks', id, 'records'])) {
    const name = written.toLowerCase()
    const short = suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
    const known = addresses.get(short)
    const others = own?.records.filter(
      (record) => record.names.includes(name) && known?.includes(record.address) === false,
    )
    if (others === undefined || others.length === 0) continue
    report.at(
      ['networks', id, 'records', written],
      `is the name of an instance, which has the address ${known?.join(', ') ?? ''}`,
      'Choose another name; the network knows those of instances by itself.',
    )
  }
}

/** Two networks may join the same bridge of the host; one that is made is of one network alone. */
const meet = (a: NetworkSpec, b: NetworkSpec): boolean =>
  a.own?.bridge !== undefined &&
  a.own.bridge === b.own?.bridge &&
  !(a.own.mode === 'bridge' && b.own.mode === 'bridge')

function checkOverlap(network: NetworkSpec, others: readonly NetworkSpec[], report: Report): void {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const block = blockOf(network, family)
    if (block === undefined) continue
    for (const other of others) {
      const second = blockOf(other, family)
      if (second === undefined || !overlap(block, second)) continue
      report.at(
        ['networks', network.id, family],
        `overlaps with the network \`${other.id}\`, which is ${formatCidr(second)}`,
        'Give each network its own block of addresses.',
      )
    }
  }
}

function blockOf({ own }: NetworkSpec, family: 'ipv4' | 'ipv6'): Cidr | undefined {
  const address = own?.[family]
  const cidr = address === undefined ? undefined : parseCidr(`${address.address}/${address.prefix}`)
  return cidr === undefined ? undefined : { ...cidr, value: edgesOf(cidr).first }
}

const overlap = (a: Cidr, b: Cidr): boolean =>
  edgesOf(a).first <= edgesOf(b).last && edgesOf(b).first <= edgesOf(a).last

const tell = (path: Path, message: string, other: string, report: Report): void =>
  report.at(path, `${message} \`${other}\` too`, 'Give each its own.')
