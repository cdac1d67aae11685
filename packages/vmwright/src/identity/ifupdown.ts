import { ProvisionError } from '../lib/errors.ts'
import type { InterfaceSpec } from '../spec/resolved.ts'
import { type GuestInterface, words } from './guest-interface.ts'

export const loopbackOnly = `source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback
`

/**
 * `/etc/network/interfaces` (interfaces(5)): one stanza for each address, which ifupdown takes together. The awaited
 * interface is `auto`; the others come up when they are there, so that a dead one holds up no boot.
 */
export const interfacesFile = (interfaces: readonly GuestInterface[]): string =>
  [loopbackOnly, ...interfaces.map(interfaceText)].join('\n')

function interfaceText({ name, nic, isAwaited }: GuestInterface): string {
  if (name === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The interface ${nic.mac} has no name, and ifupdown finds interfaces by their names.`,
    })
  const [first, ...others] = stanzasOf(nic)
  if (first === undefined) return `allow-hotplug ${name}\niface ${name} inet manual\n`
  const withResolver = [{ ...first, lines: [...first.lines, ...resolverLines(nic)] }, ...others]
  return [
    `${isAwaited ? 'auto' : 'allow-hotplug'} ${name}`,
    ...withResolver.flatMap(({ method, lines }) => [
      `iface ${name} ${method}`,
      ...lines.map((line) => `    ${line}`),
    ]),
    '',
  ].join('\n')
}

interface Stanza {
  /** `inet static` */
  readonly method: string
  readonly lines: readonly string[]
}

function stanzasOf(nic: InterfaceSpec): readonly Stanza[] {
  const family = (isV6: boolean, gateway: string | undefined): readonly Stanza[] =>
    nic.addresses
      .filter((address) => address.includes(':') === isV6)
      .map((address, index) => ({
        method: isV6 ? 'inet6 static' : 'inet static',
        lines: [
          `address ${address}`,
          ...(index === 0 && gateway !== undefined ? [`gateway ${gateway}`] : []),
        ],
      }))
  return [
    ...(nic.dhcp4 ? [{ method: 'inet dhcp', lines: [] }] : []),
    ...family(false, nic.gateway4),
    ...(nic.dhcp6 ? [{ method: 'inet6 dhcp', lines: [] }] : []),
    ...family(true, nic.gateway6),
  ]
}

/** For resolvconf; ifupdown itself does nothing with these. */
const resolverLines = ({ dns, search }: InterfaceSpec): readonly string[] =>
  [
    ['dns-nameservers', ...dns],
    ['dns-search', ...words(search)],
  ]
    .filter((line) => line.length > 1)
    .map((line) => line.join(' '))
