import * as z from 'zod'
import { device, duration, fault, field, flag, oneOf, required, text, userName } from './field.ts'

const packageName = () =>
  z.string({ error: () => fault('must be a text') }).regex(/^[A-Za-z0-9][A-Za-z0-9+._:@-]{0,127}$/, {
    error: () => fault('is not the name of a package', 'Write the name alone, without options.'),
  })

export const packageNames = () => z.array(packageName())

const hostBridgeDocument = z.strictObject({
  interface: required(device(), 'Interface of the host that the bridge takes in.', { example: 'eno1' }),
  stp: field(flag(), 'Spanning tree protocol.', { default: '`false`', example: true }),
  confirmWithin: field(
    duration(),
    'The host goes back to its old configuration unless vmwright reaches it again over a new connection within this time.',
    { default: '`60s`', example: '2m' },
  ),
  allowDefaultRoute: field(
    flag(),
    'Do it even where the interface carries the default route, which is the one the host is reached by.',
    { default: '`false`', example: true },
  ),
})

/** K2. What `host prepare` makes of a host beyond what every host needs. */
export const hostPreparationDocument = z.strictObject({
  packages: field(packageNames(), "Packages, by the names that the host's distribution has for them.", {
    default: '`[]`',
    example: ['htop'],
  }),
  sysctls: field(
    z.record(
      z.string().regex(/^[a-z0-9_]+([./][A-Za-z0-9_*:@-]+)+$/, {
        error: () => fault('is not the name of a kernel setting', 'Write it as `sysctl -a` shows it.'),
      }),
      z.union([text(), z.number(), z.boolean()], {
        error: () => fault('must be a text or a number'),
      }),
    ),
    'Kernel settings, now and after each start of the host.',
    { default: '`{}`', example: { 'vm.swappiness': 10 } },
  ),
  modules: field(
    z.array(
      z.string({ error: () => fault('must be a text') }).regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
        error: () => fault('is not the name of a kernel module', 'Write it as `lsmod` shows it.'),
      }),
    ),
    'Kernel modules, now and after each start of the host.',
    { default: '`[]`', example: ['vhost_net'] },
  ),
  users: field(z.array(userName()), 'Users of the host who may use its libvirt.', {
    default: '`[]`',
    example: ['operator'],
  }),
  firewallBackend: field(
    oneOf(['nftables', 'iptables']),
    "What libvirt's own networks make their rules with.",
    {
      default: 'as it is',
      example: 'nftables',
    },
  ),
  bridges: field(
    z.record(device(), hostBridgeDocument),
    'Bridges of the host over a physical interface, by name.',
    { default: '`{}`', example: { br0: { interface: 'eno1' } } },
  ),
})
