import { type Carrier, type Found, found } from './carrier.ts'
import { lifecycleSettings } from './guest-lifecycle-settings.ts'
import type { KeyNames } from './key-names.ts'
import { keyOf } from './kvm-hosts.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asIpv4, asMatching, asOneOf, asText } from './readers.ts'
import { entriesOf, type Value } from '../spec/ansible/value.ts'

type Field = (key: string) => Found | undefined

const types = ['user', 'network', 'bridge', 'vde', 'ethernet'] as const
const asMac = asMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'a MAC address')

/** Writes the interface of a machine. Networks that vmwright cannot attach to become that of libvirt, with a note. */
export function carryNet(
  carrier: Carrier,
  at: readonly string[],
  net: Value | undefined,
  networks: KeyNames,
): void {
  const entries = entriesOf(net)
  const field = (key: string): Found | undefined => found(`net.${key}`, entries.get(key))
  const wire = [...at, 'interfaces', 0]
  if (net !== undefined) tellUnknownKeys(carrier, 'net', net, lifecycleSettings)
  const type = net === undefined ? 'user' : (carrier.read(wire, field('type'), asOneOf(types)) ?? 'user')
  carryMac(carrier, wire, field('mac'))
  if (type === 'network' || type === 'bridge') {
    const key = carryNetwork(carrier, type, { field, networks })
    carrier.draft.set([...wire, 'network'], key)
    carryAddress(carrier, at, key, field)
    return
  }
  const id = networks.keyFor('default', 'default')
  if (!carrier.draft.has(['networks', id, 'use']))
    carrier.draft.set(['networks', id, 'use'], 'default', 'decided, see above')
  carrier.draft.set([...wire, 'network'], id)
  const place = field('type')?.value.place ?? net?.place
  const missing =
    type === 'user'
      ? 'user-mode networks and their forwarded ports have no equal; a session host needs a bridge helper to reach a network of libvirt, a system host does not'
      : `networks of type ${type} have no equal`
  carrier.notes.add('no-equal', place, missing)
  carrier.notes.add(
    'decided',
    place,
    `instead of a network of type ${type} machines are on \`networks.${id}\`, that of libvirt, with an address by DHCP`,
  )
  const address = field('ip')
  if (address !== undefined)
    carrier.noEqual(address, 'it was the end of forwarded ports, or of a network that has no equal')
}

function carryNetwork(
  carrier: Carrier,
  type: 'network' | 'bridge',
  { field, networks }: { readonly field: Field; readonly networks: KeyNames },
): string {
  const source = field('source')
  const name = carrier.read(['networks'], source, asText)
  const key = networks.keyFor(keyOf(name ?? 'default'), name ?? 'default')
  const use = ['networks', key, 'use']
  if (source === undefined || name === undefined) carrier.draft.set(use, 'default', 'net.source is not set')
  else if (!carrier.draft.has(use)) carrier.put(use, name, source)
  if (type === 'bridge')
    carrier.notes.add(
      'decided',
      source?.value.place,
      `the bridge of networks.${key} is reached by a network of libvirt: define one of that name with <forward mode='bridge'/> and <bridge name='…'/>`,
    )
  return key
}

function carryMac(carrier: Carrier, wire: readonly (string | number)[], mac: Found | undefined): void {
  if (mac === undefined) return
  if (mac.value.kind === 'question' && /random_mac/.test(`${mac.value.why} ${mac.value.text}`)) {
    carrier.notes.add(
      'decided',
      mac.value.place,
      'the MAC was drawn with the name as seed; now it is derived from project and name',
    )
    return
  }
  carrier.carry([...wire, 'mac'], mac, asMac)
}

function carryAddress(carrier: Carrier, at: readonly string[], key: string, field: Field): void {
  const path = [...at, 'address']
  const ip = field('ip')
  const mask = field('mask')
  const address = carrier.read(path, ip, asIpv4)
  const written = mask === undefined ? '24' : carrier.read(path, mask, asText)
  const prefix = written === undefined ? undefined : prefixOf(written)
  if (ip === undefined || address === undefined) return
  if (prefix === undefined) {
    carrier.notes.add('question', mask?.value.place, 'net.mask is neither a prefix length nor a mask')
    carrier.draft.question(path, 'net.mask is neither a prefix length nor a mask')
    return
  }
  carrier.put(path, `${address}/${prefix}`, ip)
  if (mask !== undefined)
    carrier.notes.add('taken', mask.value.place, 'net.mask is the part after / of the address')
  carrier.notes.add(
    'decided',
    ip.value.place,
    `addresses are static, where a reservation of DHCP gave them: write \`gateway4\` and \`dns\` of networks.${key}`,
  )
}

/** `24`, `/24` or `255.255.255.0`. */
function prefixOf(text: string): number | undefined {
  const plain = /^\/?(\d{1,2})$/.exec(text)?.[1]
  if (plain !== undefined) return Number(plain) <= 32 ? Number(plain) : undefined
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined
  const bits = text
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('')
  return /^1*0*$/.test(bits) && bits.length === 32
    ? bits.indexOf('0') === -1
      ? 32
      : bits.indexOf('0')
    : undefined
}
