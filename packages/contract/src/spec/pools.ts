import * as z from 'zod'
import { absolutePath, fault, field, key, oneOf, required, text, whole } from './field.ts'

const id = () => whole(0, 4_294_967_294)

export const poolDocument = z.strictObject({
  path: field(
    absolutePath(),
    'Folder on the host for the disks of instances; the pool is made for it when missing. With `netfs`, where the share is mounted.',
    { example: '/srv/vms' },
  ),
  mode: field(
    z
      .string({ error: () => fault('must be octal digits as text', "Put them in quotes: '0711'.") })
      .regex(/^0?[0-7]{3}$/, { error: () => fault('must be octal digits', "Write '0711'.") }),
    'Permissions of the folder `path` when it is made, in octal, in quotes. Without `x` for others the guests cannot reach their disks.',
    { default: "as libvirt makes it; `'0711'` beside `owner` or `group`", example: '0711' },
  ),
  owner: field(id(), 'Owner of the folder `path` when it is made, by number.', {
    default: 'as libvirt makes it',
    example: 0,
  }),
  group: field(id(), 'Group of the folder `path` when it is made, by number.', {
    default: 'as libvirt makes it',
    example: 0,
  }),
  name: field(key(), 'Name of the libvirt pool that is made.', {
    default: '`vmwright-` and the key',
    example: 'vmwright-fast',
  }),
  use: field(text(), 'Name of an existing libvirt pool, instead of one that is made.', {
    example: 'default',
  }),
  volumeGroup: field(
    z.string({ error: () => fault('must be a text') }).regex(/^(?!-|\.{1,2}$)[A-Za-z0-9+_.-]{1,127}$/, {
      error: () => fault('is not the name of a volume group', 'Use letters, digits, `+`, `_`, `.` and `-`.'),
    }),
    'LVM volume group for the disks of instances, instead of `path`.',
    { example: 'vms' },
  ),
  devices: field(
    z.array(absolutePath()).min(1),
    'Empty devices to make the volume group of when it does not exist.',
    { default: '`[]`: it exists', example: ['/dev/nvme1n1'] },
  ),
  netfs: field(
    z.strictObject({
      server: required(
        z
          .string({ error: () => fault('must be a text') })
          .regex(/^([A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f:]+)$/, {
            error: () => fault('is not a host name or address', 'Write it alone, without path and user.'),
          }),
        'Host name or address of the server.',
        { example: 'nas.example' },
      ),
      folder: required(text(), 'Exported folder, or name of the share or volume.', {
        example: '/export/vms',
      }),
      format: field(oneOf(['auto', 'nfs', 'cifs', 'glusterfs']), 'Protocol.', {
        default: '`auto`',
        example: 'nfs',
      }),
    }),
    'Share of a file server that the host mounts at `path`.',
    { default: 'none: `path` is a folder of the host' },
  ),
})
