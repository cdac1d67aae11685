import * as z from 'zod'
import {
  address,
  bareAddress,
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

/** Extension of a disk file. */
export const extension = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9]{1,16}$/, { error: () => fault('must be letters and digits', 'Leave out the dot.') })

export const addresses = () =>
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
    vlan: field(whole(1, 4094), 'VLAN that the port of the virtual switch is in; on Hyper-V hosts.', {
      default: 'untagged',
      example: 24,
    }),
    addresses: field(
      z.array(address()),
      'Static addresses. In a group of several instances each counts up by one per instance.',
      { default: '`[]`', example: ['192.168.24.10/24'] },
    ),
    lease: field(
      bareAddress(),
      'IPv4 address that the DHCP server of the network gives to this interface, on a network that vmwright makes. In a group of several instances it counts up.',
      { default: 'none', example: '10.10.0.7' },
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
