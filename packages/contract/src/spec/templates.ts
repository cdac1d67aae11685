import * as z from 'zod'
import { absolutePath, fault, field, flag, oneOf, userName, whole } from './field.ts'

export const cloneMode = () => oneOf(['auto', 'copy', 'reflink', 'overlay'])

const networkForm = () => oneOf(['ifupdown', 'netplan'])
const renderer = () => oneOf(['networkd', 'NetworkManager'])
export const interfaceNames = () =>
  z
    .array(
      z.string({ error: () => fault('must be a text') }).regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, {
        error: () =>
          fault('is not an interface name', 'Write it as the guest does: `enp1s0`, `ens3`, `eth0`.'),
      }),
    )
    .min(1)
    .max(16)

/** What a template says for all its clones and an instance for itself. */
export const guestDocument = z
  .strictObject({
    network: field(networkForm(), 'Form of the network configuration in the guest.', {
      default: 'that of the template',
      example: 'netplan',
    }),
    interfaces: field(interfaceNames(), 'Names of the interfaces in the guest, in order.', {
      default: 'those of the template',
      example: ['enp1s0', 'enp2s0'],
    }),
    renderer: field(renderer(), 'For netplan: what sets up the interfaces.', {
      default: 'that of the template',
      example: 'NetworkManager',
    }),
  })
  .meta({ id: 'guest' })

export const templateDocument = z.strictObject({
  domain: field(
    z.string({ error: () => fault('must be a text') }).regex(/^[^/\0\n\r]{1,255}$/, {
      error: () =>
        fault('is not the name of a machine', 'Write it as `virsh list --all` shows it; it has no `/`.'),
    }),
    'Name of the machine on the host. Several templates may be of one machine; `template:` of an instance then needs their key.',
    { default: 'the key', example: 'debian-trixie-template' },
  ),
  disks: field(
    z.array(absolutePath()).min(1).max(26),
    'All its disk files on the host, in the order of its disks. Each must exist, be readable and belong to it, and none may be missing here.',
    { default: 'those that the machine has', example: ['/var/lib/libvirt/images/debian-trixie.qcow2'] },
  ),
  os: field(oneOf(['debian', 'ubuntu']), 'Distribution in it.', { default: '`debian`', example: 'ubuntu' }),
  identity: field(
    oneOf(['offline', 'cloud-init']),
    'How a clone gets its name, keys and addresses: `offline` writes them into its disks before it starts, `cloud-init` gives it a seed, as for an image, and needs cloud-init in the template. Either way machine-id and SSH host keys are made new.',
    { default: '`offline`', example: 'cloud-init' },
  ),
  network: field(
    networkForm(),
    'For `identity: offline`: form of the network configuration in the guest, /etc/network/interfaces or /etc/netplan.',
    { default: '`ifupdown` for `debian`, `netplan` for `ubuntu`', example: 'netplan' },
  ),
  interfaces: field(
    interfaceNames(),
    'For `identity: offline`: names of the interfaces in the guest, in order. Netplan finds those beyond them by MAC; ifupdown needs a name for each.',
    { default: '`[enp1s0]`', example: ['ens3'] },
  ),
  renderer: field(renderer(), 'For netplan: what sets up the interfaces.', {
    default: '`networkd`',
    example: 'NetworkManager',
  }),
  whenRunning: field(
    oneOf(['refuse', 'shut-down']),
    'What to do when it runs, because its disks are copied only while it is off.',
    { default: '`refuse`', example: 'shut-down' },
  ),
  restart: field(flag(), 'Start it again after the run when it was shut down for the copy.', {
    default: '`false`',
    example: true,
  }),
  clone: field(
    cloneMode(),
    'How the disks of clones are made. `copy` copies all; `reflink` shares blocks in the file system and fails where that cannot; `auto` shares where it can, else copies; `overlay` stores only what differs, and the disks of the template must not change any more as long as there are such clones.',
    { default: '`auto`', example: 'overlay' },
  ),
  user: field(userName(), 'User to log in as.', {
    default: '`debian` or `ubuntu`, as `os` says',
    example: 'root',
  }),
  seedBus: field(
    oneOf(['scsi', 'sata', 'ide', 'virtio']),
    'For `identity: cloud-init`: bus of the cloud-init medium.',
    { default: '`scsi`', example: 'sata' },
  ),
})

export const cloningDocument = z.strictObject({
  mode: field(
    oneOf(['auto', 'sequential', 'parallel']),
    "`parallel` clones several at once, `sequential` one after the other. `auto` begins in parallel and tries those that got into each other's way again, one by one.",
    { default: '`auto`', example: 'sequential' },
  ),
  parallel: field(whole(1, 64), 'How many disks are copied at once on a host.', {
    default: '`4`',
    example: 2,
  }),
  workspace: field(
    absolutePath(),
    'Folder on the host for copies that are not complete yet. It must lie outside of all pools and image caches, and they outside of it.',
    { default: 'none: the pool itself', example: '/srv/clones' },
  ),
  emptyWorkspace: field(
    flag(),
    'Remove what is left in the workspace after the run, and the workspace when it is empty.',
    { default: '`true`', example: false },
  ),
  validate: field(
    oneOf(['always', 'once']),
    'Whether templates are validated on each run. `once`: not again as long as a template is what it was when it was validated, by size, time, inode and header of its disks.',
    { default: '`always`', example: 'once' },
  ),
  fullHash: field(
    flag(),
    'For `validate: once`: compare the whole content of the disks too, which takes time.',
    {
      default: '`false`',
      example: true,
    },
  ),
})
