import type { Member } from './groups.ts'
import { addressPlus, formatIp, parseCidr } from './ip.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { InstanceSpec, InterfaceSpec, TemplateSpec } from './resolved.ts'
import type { NetworkSpec } from './resolved-places.ts'

const windowsDevice = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])$/i

/** Names are safe as domain, host and file names everywhere, and differ by more than case. */
export function checkNames(members: readonly Member[], report: Report): void {
  const seen = new Map<string, Member>()
  for (const { name, namePath, ...member } of members) {
    const tell = (message: string, hint: string): void => tellName(namePath, message, hint, report)
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(name)) {
      tell(
        `${JSON.stringify(name.slice(0, 80))} is not usable as the name of an instance`,
        'Use letters, digits and `-`, at most 63, beginning with a letter or digit; a host name allows no more.',
      )
    }
    if (windowsDevice.test(name)) tell(`${name} is the name of a device on Windows`, 'Choose another name.')
    const other = seen.get(name.toLowerCase())
    if (other !== undefined) {
      tell(
        `the name ${name} is used twice`,
        other.group === member.group
          ? 'Each instance of the group needs its own.'
          : `The group \`${other.group}\` has it too.`,
      )
    }
    seen.set(name.toLowerCase(), { name, namePath, ...member })
  }
}

function tellName(namePath: Path, message: string, hint: string, report: Report): void {
  if (namePath.at(-1) === 'name' || namePath.includes('names')) report.at(namePath, message, hint)
  else report.atKey(namePath, message, hint)
}

/** T4. No instance has the name of a template's machine on the same host: one of the two could not exist. */
export function checkTemplateNames(
  instances: readonly InstanceSpec[],
  members: readonly Member[],
  templates: readonly TemplateSpec[],
  report: Report,
): void {
  for (const { id, domain } of templates) {
    const clones = instances.filter(({ source }) => source.kind === 'template' && source.id === id)
    const hosts = new Set(clones.map(({ host }) => host))
    for (const [position, { name, host }] of instances.entries()) {
      // Where a template without clones is, is not known.
      const mayMeet = hosts.size === 0 || hosts.has(host)
      const namePath = members[position]?.namePath
      if (namePath === undefined || !mayMeet || name.toLowerCase() !== domain.toLowerCase()) continue
      tellName(
        namePath,
        `the name ${name} is that of the machine of the template \`${id}\``,
        'Choose another name for the instance.',
        report,
      )
    }
  }
}

/** MAC addresses differ in the whole spec, IP addresses on each network of each host. */
export function checkAddresses(
  instances: readonly InstanceSpec[],
  members: readonly Member[],
  networks: readonly NetworkSpec[],
  report: Report,
): void {
  const macs = new Map<string, string>()
  const addresses = new Map<string, string>()
  const names = new Map(networks.map(({ id, name }) => [id, name]))
  for (const [position, instance] of instances.entries()) {
    const member = members[position]
    if (member === undefined) continue
    for (const [index, nic] of instance.interfaces.entries()) {
      const at = (field: string): Path => ['interfaces', index, field]
      const sameMac = macs.get(nic.mac)
      if (sameMac !== undefined) {
        report.within(
          member.layers,
          at('mac'),
          `the MAC ${nic.mac} of ${instance.name} is that of ${sameMac} too`,
          'Give each interface its own `mac`, with `overrides` in a group, or none.',
        )
      }
      macs.set(nic.mac, instance.name)
      for (const address of [...nic.addresses, ...nic.leases]) {
        const [ip = ''] = address.split('/')
        const hosts = instance.placement?.hosts ?? [instance.host]
        const keys = hosts.map((host) => JSON.stringify([host, names.get(nic.network) ?? nic.network, ip]))
        const sameAddress = keys.map((key) => addresses.get(key)).find((other) => other !== undefined)
        if (sameAddress !== undefined) {
          const [path, layered] = whereWritten(member, nic, index, address)
          const message = `the address ${ip} of ${instance.name} is that of ${sameAddress} too`
          const hint = 'Give each instance its own.'
          if (layered) report.within(member.layers, path, message, hint)
          else report.at(path, message, hint)
        }
        for (const key of keys) addresses.set(key, instance.name)
      }
    }
  }
}

/** Where an address of an interface stands; `layered`: within the settings of one of the layers. */
function whereWritten(
  member: Member,
  nic: InterfaceSpec,
  index: number,
  address: string,
): readonly [path: Path, layered: boolean] {
  const ip = address.split('/')[0]
  const short = index === 0 ? member.addresses.find((written) => countedUp(written) === ip) : undefined
  if (short !== undefined) return [short.path, false]
  const at = ['interfaces', index]
  const order = nic.addresses.indexOf(address)
  return [order === -1 ? [...at, 'lease'] : [...at, 'addresses', order], true]
}

function countedUp({ text, plus }: Member['addresses'][number]): string | undefined {
  const first = parseCidr(text)
  const cidr = first === undefined ? undefined : addressPlus(first, plus)
  return cidr === undefined ? undefined : formatIp(cidr)
}
