import * as z from 'zod'
import { cloudInitDocument } from './cloud-init.ts'
import { addresses, extension, extraDiskDocument, interfaceDocument } from './devices.ts'
import { customiseDocument } from './customise.ts'
import {
  address,
  addressOrRange,
  duration,
  fault,
  field,
  flag,
  key,
  oneOf,
  size,
  text,
  whole,
} from './field.ts'
import { domainJoinDocument } from './hyperv.ts'
import { lifecycleDocument, processorSettings } from './lifecycle.ts'
import { placementDocument } from './placement.ts'
import { cloneMode, guestDocument } from './templates.ts'

const rung = () => oneOf(['started', 'address', 'port', 'ssh', 'agent', 'cloud-init'])
const limit = (what: string, fallback: string) =>
  field(duration(), what, { default: `\`${fallback}\``, example: '5m' })

export const readyDocument = z
  .strictObject({
    rungs: field(
      z.array(rung()).min(1),
      'What must be seen before an instance counts as ready; always climbed in the order `started`, `address`, `port`, `ssh`, `agent`, `cloud-init`.',
      {
        default:
          '`[started, address, port, ssh, cloud-init]`; without `cloud-init` for a clone with `identity: offline`, `[started, address]` for Windows',
        example: ['started', 'address', 'port'],
      },
    ),
    port: field(whole(1, 65535), 'TCP port that must answer; also the port of SSH.', {
      default: '`22`',
      example: 2222,
    }),
    timeouts: field(
      z.strictObject({
        started: limit('The domain runs.', '60s'),
        address: limit('The guest has an address.', '180s'),
        port: limit('The port answers. Longer than the rest, because a slow first boot shows here.', '360s'),
        ssh: limit('A login by SSH succeeds.', '180s'),
        agent: limit('The guest agent answers.', '180s'),
        'cloud-init': limit('cloud-init has finished.', '600s'),
      }),
      'Limit of each rung. The usual one is three times as long for a guest that is emulated.',
    ),
    recheckAfterSnapshot: field(flag(), 'Look at the port again after the restart that follows a snapshot.', {
      default: '`true`',
      example: false,
    }),
  })
  .meta({ id: 'ready' })

const snapshotDocument = z.union(
  [
    flag(),
    z.strictObject({
      name: field(key(), 'Name of the snapshot.', { default: '`snapshot-a`', example: 'provisioned' }),
      description: field(text(), 'Description of the snapshot.', {
        default: '`initial configuration`',
        example: 'after cloud-init',
      }),
      startAfterwards: field(flag(), 'Start the instance again after the snapshot.', {
        default: '`true`',
        example: false,
      }),
    }),
  ],
  { error: () => fault('must be `true`, `false` or a mapping with `name`') },
)

/** What `defaults`, a group and an override have in common. */
const settings = {
  host: field(key(), 'Key in `hosts`.', { default: 'the only host', example: 'rack1' }),
  placement: field(
    placementDocument,
    'Instead of `host`: where the instance goes among several hosts. The nearest level that names one of the two decides. An instance that exists stays where it is.',
    { default: 'on `host`' },
  ),
  image: field(key(), 'Key in `images`, or one of the catalogue: `debian-12`, `debian-13`, `ubuntu-24.04`.', {
    example: 'debian-12',
  }),
  template: field(
    text(),
    "Key in `templates`, or the name of a template's machine, when the instance is a clone. Stands in the place of `image`: the nearest level that names one of the two decides.",
    { example: 'debian-trixie' },
  ),
  clone: field(cloneMode(), 'How the disks of a clone are made.', {
    default: 'that of the template',
    example: 'overlay',
  }),
  guest: field(guestDocument, "How a clone's network is written; where absent, as the template says."),
  customise: field(
    customiseDocument,
    "What is done to the instance's disk before its first boot, instead of cloud-init.",
    { default: 'that of the image' },
  ),
  pool: field(key(), 'Key in `pools`.', { default: 'the only pool', example: 'fast' }),
  network: field(key(), 'Key in `networks`, for the first interface.', {
    default: 'the only network',
    example: 'lan',
  }),
  vcpus: field(whole(1, 512), 'Number of virtual CPUs.', { default: '`2`', example: 4 }),
  singleSocket: field(flag(), 'Show the CPUs as cores of one socket with one thread each.', {
    default: '`true`',
    example: false,
  }),
  memory: field(size(), 'Memory, at least 128MiB.', { default: '`1GiB`', example: '2GiB' }),
  ...processorSettings,
  machine: field(text(), 'Machine type of QEMU.', {
    default: 'that of the image; `virt`, `pseries` and so on for another architecture than x86',
    example: 'pc',
  }),
  firmware: field(oneOf(['uefi', 'bios']), 'Firmware.', {
    default: 'that of the image; `bios` for `ppc64le` and `s390x`, which have one of their own',
    example: 'bios',
  }),
  secureBoot: field(flag(), 'Boot with Secure Boot; needs `uefi`.', {
    default: 'that of the image',
    example: true,
  }),
  seedBus: field(oneOf(['scsi', 'sata', 'ide', 'virtio']), 'Bus of the cloud-init medium.', {
    default: 'that of the image',
    example: 'sata',
  }),
  rootDisk: field(
    z.strictObject({
      size: field(size(), 'Size; it only grows.', {
        default: '`10GiB`; for a clone that of the template',
        example: '20GiB',
      }),
      mode: field(
        oneOf(['overlay', 'copy']),
        '`overlay` stores only what differs from the image in the cache; `copy` is independent of it.',
        { default: '`overlay`', example: 'copy' },
      ),
      format: field(oneOf(['qcow2', 'raw']), 'Format of the file; an overlay is always qcow2.', {
        default: '`qcow2`',
        example: 'raw',
      }),
      extension: field(extension(), 'Extension of the file; of the files of a clone.', {
        default: 'the format; `qcow2` for a clone',
        example: 'img',
      }),
    }),
    'The first disk, `vda`. A clone has mode and format from its template.',
  ),
  extraDisks: field(z.array(extraDiskDocument).max(25), 'Further disks.', {
    default: '`[]`',
    example: [{ size: '20GiB', mount: { path: '/srv' } }],
  }),
  interfaces: field(
    z.array(interfaceDocument).min(1).max(16),
    'Network interfaces. `network` and `address` beside it are short for the first.',
    { default: 'one, by DHCP', example: [{ network: 'lan' }] },
  ),
  cloudInit: field(cloudInitDocument, 'First boot of the guest.'),
  autostart: field(flag(), 'Start with the host.', { default: '`false`', example: true }),
  ready: field(readyDocument, 'When an instance counts as ready.'),
  snapshot: field(snapshotDocument, 'Snapshot after provisioning, taken while the instance is shut down.', {
    default: '`true`; `false` for instances of the matrix',
    example: false,
  }),
  lifecycle: field(
    lifecycleDocument,
    'What `vmwright run` does with the instance. Below it are those of platform, target, group and `defaults`, and `lifecycle` of the file.',
  ),
  disposable: field(
    flag(),
    'Holds nothing of its own, so that `vmwright run` may make it anew when its image or hardware changed.',
    { default: '`false`; `true` for instances of the matrix', example: true },
  ),
  os: field(oneOf(['linux', 'windows']), 'Kind of guest; on Hyper-V hosts.', {
    default: '`linux`',
    example: 'windows',
  }),
  clustered: field(flag(), 'Make it a role of the cluster that the host belongs to; on Hyper-V hosts.', {
    default: '`false`',
    example: true,
  }),
  domainJoin: field(domainJoinDocument, 'Domain that a Windows guest joins; on Hyper-V hosts.', {
    default: 'none',
  }),
}

const ownAddress = {
  address: field(
    addresses(),
    'Static address (or addresses, IPv4 and IPv6) of the first interface. In a group of several it is the first one and counts up.',
    { default: 'by DHCP', example: '192.168.24.10/24' },
  ),
}

export const instanceDefaultsDocument = z.strictObject(settings)
export const instanceOverrideDocument = z.strictObject({ ...settings, ...ownAddress })

const groupName = () =>
  z.string().regex(/^[A-Za-z0-9{][A-Za-z0-9{}:-]{0,80}$/, {
    error: () =>
      fault(
        'is not a usable name',
        'Use letters, digits and `-`; `{index}` or `{index:02}` stands for the number.',
      ),
  })

export const instanceGroupDocument = z.strictObject({
  count: field(whole(0, 1000), 'Number of equal instances.', {
    default: 'one, without a number in its name',
    example: 3,
  }),
  name: field(
    groupName(),
    'Name of the instance; with `count` a pattern, in which `{index}` is the number from 1 on and `{index:02}` the same with leading zeros.',
    { default: 'the key; with `count` the key and `-{index}`', example: 'web-{index:02}' },
  ),
  names: field(z.array(text()).min(1).max(1000), 'Names of the instances, instead of `count`.', {
    example: ['alice', 'bob'],
  }),
  addresses: field(
    z
      .array(
        z.union([addressOrRange(), z.array(address()).min(1)], {
          error: () =>
            fault(
              'must be an address or a range with prefix length, or a list of addresses',
              'Write `192.168.24.10/24` or `192.168.24.10-192.168.24.19/24`.',
            ),
        }),
      )
      .min(1)
      .max(1000),
    'Static addresses of the first interface, one entry an instance; a range stands for so many entries, of which some may be left.',
    { example: ['192.168.24.10/24', '192.168.24.20-192.168.24.29/24'] },
  ),
  overrides: field(
    z.record(z.string(), instanceOverrideDocument),
    'Settings of single instances of the group, by name.',
    { example: { 'web-2': { memory: '4GiB' } } },
  ),
  ...ownAddress,
  ...settings,
})
