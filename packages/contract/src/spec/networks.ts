import * as z from 'zod'
import {
  address,
  bareAddress,
  block,
  device,
  domainName,
  fault,
  field,
  flag,
  key,
  mac,
  oneOf,
  required,
  text,
  whole,
} from './field.ts'

const dhcpRange = z.union(
  [
    flag(),
    z.strictObject({
      from: required(bareAddress(), 'First address.', { example: '10.10.0.100' }),
      to: required(bareAddress(), 'Last address.', { example: '10.10.0.199' }),
    }),
  ],
  {
    error: () =>
      fault(
        'must be `true`, `false` or a mapping with `from` and `to`',
        'Write `{ from: 10.10.0.100, to: 10.10.0.199 }`.',
      ),
  },
)

const hostAddress = (example: string) =>
  z.union(
    [
      address(),
      z.strictObject({
        address: required(address(), "The host's own address, with prefix length.", { example }),
        dhcp: field(
          dhcpRange,
          "Addresses that the host gives to who asks. `true`: those above the host's own, or those below it where these are more; at most 65,000. A guest's fixed lease or static address may lie in the range: nobody else gets it.",
          { default: '`false`', example: true },
        ),
      }),
    ],
    {
      error: () =>
        fault(
          'must be an address with prefix length, or a mapping with `address` and `dhcp`',
          `Write \`${example}\` or \`{ address: ${example}, dhcp: true }\`.`,
        ),
    },
  )

const forwardingDocument = z.strictObject({
  outside: field(device(), 'Interface of the host to the outside.', {
    default: '`interface`, else every one',
    example: 'eno1',
  }),
  masquerade: field(flag(), "Guests go out under the host's address.", {
    default: '`true` for `nat`, else `false`',
    example: true,
  }),
  to: field(z.array(block()), 'What guests may reach outside, as blocks of addresses.', {
    default: 'everything',
    example: ['192.168.24.0/24'],
  }),
  from: field(
    z.union([z.literal('any'), z.array(block())], {
      error: () => fault('must be `any` or a list of blocks of addresses', 'Write `[192.168.24.0/24]`.'),
    }),
    'From where guests may be reached, as blocks of addresses, or `any`. Who is there needs a route to the network by way of the host.',
    { default: '`[]`: from nowhere', example: ['192.168.24.0/24'] },
  ),
})

export const networkDocument = z.strictObject({
  use: field(text(), 'Name of an existing network on the host: of libvirt, or a virtual switch of Hyper-V.', {
    example: 'default',
  }),
  mode: field(
    oneOf(['nat', 'routed', 'isolated', 'open', 'bridge', 'macvtap']),
    "Instead of `use`: a network that vmwright makes on each host that has instances on it, and removes with them. `nat`: guests go out under the host's address. `routed`: under their own, and others need a route. `isolated`: guests and host among themselves. `open`: as `routed`, with no rules but those of `forwarding` or the administrator. `bridge`: a bridge that the host has. `macvtap`: straight on an interface of the host, which itself cannot reach the guests.",
    { example: 'nat' },
  ),
  name: field(key(), 'Name of the libvirt network that is made.', {
    default: 'project and key, joined by `-`',
    example: 'shop-lan',
  }),
  bridge: field(
    device(),
    'Name of its bridge on the host, at most 15 characters. For `mode: bridge` the bridge that the host has, and needed.',
    { default: '`vw-` and 8 digits derived from project and key', example: 'vw-lan' },
  ),
  mac: field(mac(), 'MAC address of its bridge.', {
    default: 'as libvirt makes it',
    example: '52:54:00:10:00:01',
  }),
  interface: field(
    device(),
    'Interface of the host: the only one to go out by (`nat`, `routed`), or the one to sit on (`macvtap`, where it is needed).',
    { default: 'by the routes of the host', example: 'eno1' },
  ),
  mtu: field(whole(576, 65535), 'Largest packet in bytes.', {
    default: 'as libvirt makes it',
    example: 9000,
  }),
  ipv4: field(hostAddress('10.10.0.1/24'), "The host's own IPv4 address on the network, and DHCP there.", {
    default: 'none; `nat`, `routed` and `open` need `ipv4` or `ipv6`',
    example: { address: '10.10.0.1/24', dhcp: true },
  }),
  ipv6: field(hostAddress('fd00:10::1/64'), 'The same for IPv6, with the prefix length 64.', {
    default: 'none',
    example: 'fd00:10::1/64',
  }),
  domain: field(
    domainName(),
    'DNS domain of the guests. The host answers for it, with the names of the instances.',
    {
      default: 'none: names without a domain',
      example: 'lab.example',
    },
  ),
  records: field(
    z.record(
      domainName(),
      z.union([bareAddress(), z.array(bareAddress()).min(1)], {
        error: () => fault('must be an IP address, or a list of such', 'Write `10.10.0.1`.'),
      }),
    ),
    'Further names for the DNS of the network, with address or addresses.',
    { default: '`{}`', example: { registry: '10.10.0.1' } },
  ),
  forwarders: field(z.array(bareAddress()), 'Name servers that the host asks for other names.', {
    default: 'those of the host',
    example: ['192.168.24.53'],
  }),
  forwarding: field(
    forwardingDocument,
    'For `nat`, `routed` and `open`: rules in a table of their own on the host, in the place of those of libvirt. They survive a restart of libvirt and of the host, and are removed with the network.',
    { default: "libvirt's own rules" },
  ),
  assign: field(
    oneOf(['static', 'lease']),
    'How an instance gets its IPv4 `address`: written into the guest, or as a fixed lease of the DHCP server of the network.',
    { default: '`static`', example: 'lease' },
  ),
  autostart: field(flag(), 'Start the network with the host.', { default: '`true`', example: false }),
  gateway4: field(
    bareAddress(),
    'IPv4 gateway of interfaces on this network that have a static IPv4 address.',
    {
      default: "none; the host's own address for `nat`, `routed` and `open`",
      example: '192.168.24.1',
    },
  ),
  gateway6: field(
    bareAddress(),
    'IPv6 gateway of interfaces on this network that have a static IPv6 address.',
    {
      default: "none; the host's own address for `nat`, `routed` and `open`",
      example: 'fd00:24::1',
    },
  ),
  dns: field(z.array(bareAddress()), 'Name servers of interfaces on this network.', {
    default: "those that DHCP gives; with a static address the host's own on a network that vmwright makes",
    example: ['192.168.24.1'],
  }),
  search: field(z.array(text()), 'Search domains of interfaces on this network.', {
    default: 'none; with a static address `domain`',
    example: ['lab.example'],
  }),
})
