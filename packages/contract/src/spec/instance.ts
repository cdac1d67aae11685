import * as z from 'zod'
import { cloudInitDocument } from './cloud-init.ts'
import {
  address,
  bareAddress,
  duration,
  fault,
  field,
  flag,
  key,
  mac,
  oneOf,
  required,
  size,
  text,
  whole,
} from './field.ts'

const extension = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9]{1,16}$/, { error: () => fault('must be letters and digits', 'Leave out the dot.') })

const addresses = () =>
  z.union([address(), z.array(address()).min(1)], {
    error: () =>
      fault(
        'must be an address with prefix length, or a list of such',
        'Write `192.168.24.10/24` or `fd00::10/64`.',
      ),
  })

export const extraDiskDocument = z
  .strictObject({
    device: field(
      z
        .string()
        .regex(/^vd[b-z]$/, { error: () => fault('must be `vdb` to `vdz`', '`vda` is the root disk.') }),
      'Device in the guest.',
      { default: '`vdb` for the first, `vdc` for the second, …', example: 'vdb' },
    ),
    size: required(size(), 'Size of the disk. It only grows.', { example: '20GiB' }),
    format: field(oneOf(['qcow2', 'raw']), 'Format of the file.', { default: '`qcow2`', example: 'raw' }),
    extension: field(extension(), 'Extension of the file.', { default: 'the format', example: 'img' }),
    mount: field(
      z.strictObject({
        path: required(
          z.string({ error: () => fault('must be a path') }).regex(/^\/[A-Za-z0-9._/-]*$/, {
            error: () =>
              fault(
                'is not a mount point',
                'Write an absolute path of letters, digits, `.`, `_`, `-` and `/`.',
              ),
          }),
          'Mount point. Not `/`, `/boot` or `/boot/efi`; `/var` only with `allowVar`.',
          { example: '/srv' },
        ),
        filesystem: field(oneOf(['ext4', 'xfs']), 'File system, made when the disk is empty.', {
          default: '`ext4`',
          example: 'xfs',
        }),
        options: field(text(), 'Mount options.', {
          default: '`defaults,nofail`',
          example: 'defaults,noatime,nofail',
        }),
        label: field(
          z.string().regex(/^[A-Za-z0-9._-]{1,16}$/, {
            error: () => fault('must be 1 to 16 letters, digits, `.`, `_` or `-`'),
          }),
          'Label of the file system, at most 16 characters (xfs: 12).',
          { default: 'name and device of the instance, cut to fit', example: 'data' },
        ),
        allowVar: field(flag(), 'Allow `/var` as mount point: what the image has there is hidden.', {
          default: '`false`',
          example: true,
        }),
      }),
      'Where to mount it. Without it the disk is attached and left alone.',
      { default: 'not mounted' },
    ),
  })
  .meta({ id: 'extraDisk' })

export const interfaceDocument = z
  .strictObject({
    network: field(key(), 'Key in `networks`.', { default: 'the only network', example: 'lan' }),
    mac: field(mac(), 'MAC address.', {
      default: 'derived from project, name and position',
      example: '52:54:00:12:34:56',
    }),
    addresses: field(
      z.array(address()),
      'Static addresses. In a group of several instances each counts up by one per instance.',
      { default: '`[]`', example: ['192.168.24.10/24'] },
    ),
    dhcp4: field(flag(), 'Ask for an IPv4 address by DHCP.', {
      default: '`true` without a static IPv4 address',
      example: false,
    }),
    dhcp6: field(flag(), 'Ask for an IPv6 address by DHCP.', { default: '`false`', example: true }),
    gateway4: field(bareAddress(), 'IPv4 gateway.', {
      default: 'that of the network',
      example: '192.168.24.1',
    }),
    gateway6: field(bareAddress(), 'IPv6 gateway.', {
      default: 'that of the network',
      example: 'fd00:24::1',
    }),
    dns: field(z.array(bareAddress()), 'Name servers.', {
      default: 'those of the network',
      example: ['192.168.24.1'],
    }),
    search: field(z.array(text()), 'Search domains.', {
      default: 'those of the network',
      example: ['lab.example'],
    }),
    rename: field(
      z.string().regex(/^[a-z][a-z0-9]{0,14}$/, {
        error: () => fault('is not an interface name', 'Use at most 15 lower-case letters and digits.'),
      }),
      'Name of the interface in the guest.',
      { default: "the guest's own", example: 'lan0' },
    ),
    fallbackNames: field(z.array(text()), 'Interfaces to configure when none has the MAC.', {
      default: '`[]`',
      example: ['ens3', 'enp1s0', 'eth0'],
    }),
  })
  .meta({ id: 'interface' })

const rung = () => oneOf(['started', 'address', 'port', 'ssh', 'agent', 'cloud-init'])
const limit = (what: string, fallback: string) =>
  field(duration(), what, { default: `\`${fallback}\``, example: '5m' })

export const readyDocument = z
  .strictObject({
    rungs: field(
      z.array(rung()).min(1),
      'What must be seen before an instance counts as ready; always climbed in the order `started`, `address`, `port`, `ssh`, `agent`, `cloud-init`.',
      {
        default: '`[started, address, port, ssh, cloud-init]`',
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
      'Limit of each rung.',
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
  image: field(key(), 'Key in `images`, or one of the catalogue: `debian-12`, `debian-13`, `ubuntu-24.04`.', {
    example: 'debian-12',
  }),
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
  machine: field(text(), 'Machine type of QEMU.', { default: 'that of the image', example: 'pc' }),
  firmware: field(oneOf(['uefi', 'bios']), 'Firmware.', { default: 'that of the image', example: 'bios' }),
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
      size: field(size(), 'Size; it only grows.', { default: '`10GiB`', example: '20GiB' }),
      mode: field(
        oneOf(['overlay', 'copy']),
        '`overlay` stores only what differs from the image in the cache; `copy` is independent of it.',
        { default: '`overlay`', example: 'copy' },
      ),
      format: field(oneOf(['qcow2', 'raw']), 'Format of the file; an overlay is always qcow2.', {
        default: '`qcow2`',
        example: 'raw',
      }),
      extension: field(extension(), 'Extension of the file.', { default: 'the format', example: 'img' }),
    }),
    'The first disk, `vda`.',
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
    default: '`true`',
    example: false,
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
    z.array(addresses()).min(1).max(1000),
    'Static addresses of the first interface, one entry an instance.',
    { example: ['192.168.24.10/24', '192.168.24.17/24'] },
  ),
  overrides: field(
    z.record(z.string(), instanceOverrideDocument),
    'Settings of single instances of the group, by name.',
    { example: { 'web-2': { memory: '4GiB' } } },
  ),
  ...ownAddress,
  ...settings,
})
