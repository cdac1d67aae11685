import * as z from 'zod'
import {
  absolutePath,
  digest,
  duration,
  fault,
  field,
  flag,
  key,
  localPath,
  oneOf,
  required,
  size,
  text,
  url,
  userName,
  whole,
} from './field.ts'
import { customiseDocument } from './customise.ts'
import { hostPreparationDocument } from './host-preparation.ts'
import { loginDocument } from './hyperv.ts'

const hostUri =
  /^((qemu|test)(\+[a-z0-9]+)?:\/\/([^\s:]*|([^\s:@/]*@)?\[[0-9A-Fa-f:.]+\])(:\d+)?(\/\S*)?|hyperv(\+http)?:\/\/([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(:\d+)?\/?)$/

export const hostDocument = z.strictObject({
  uri: field(
    z.string().regex(hostUri, {
      error: () =>
        fault(
          'must be the URI of a hypervisor',
          'Write `qemu:///system`, `qemu+ssh://root@host/system` or `hyperv://host`; no password in it.',
        ),
    }),
    'libvirt connection URI of the host. For Hyper-V `hyperv://HOST[:PORT]` (WinRM over TLS, port 5986) or `hyperv+http://HOST[:PORT]` (port 5985).',
    { default: '`qemu:///system`', example: 'qemu+ssh://root@rack1/system' },
  ),
  login: field(loginDocument, 'Who to log in as; on Hyper-V hosts, where it is required.', {
    default: 'none: SSH, sockets and TLS have their own',
  }),
  guest: field(
    key(),
    'Instance of this spec that the host is, when it is itself a guest. It is reached at its address once it runs; `uri` then says only user, port and path: `qemu+ssh://root@guest/system`.',
    { default: 'none', example: 'nested' },
  ),
  acceleration: field(
    oneOf(['require-kvm', 'prefer-kvm', 'emulate']),
    'Whether guests need hardware virtualisation. `require-kvm` refuses a host where a KVM guest does not start, `prefer-kvm` falls back to (slow) emulation with a warning, `emulate` never tries KVM.',
    { default: '`require-kvm`', example: 'prefer-kvm' },
  ),
  parallel: field(whole(1, 64), 'How many steps may run at once on this host.', {
    default: '`4`',
    example: 8,
  }),
  imageCache: field(
    absolutePath(),
    'Folder on the host for base images; the pool `vmwright-images` is made for it.',
    {
      default:
        '`/var/lib/libvirt/images/vmwright/cache`; for a session URI `vmwright/cache` in the data folder of the user (`~/.local/share`)',
      example: '/srv/images',
    },
  ),
  startInactiveNetworks: field(flag(), 'Start networks that exist but are not active, instead of failing.', {
    default: '`false`',
    example: true,
  }),
  runtimeUser: field(userName(), 'User that runs the guests, who must reach their disks.', {
    default: "as the host's own configuration says",
    example: 'libvirt-qemu',
  }),
  repairAccess: field(
    flag(),
    'Give that user the access it lacks, by ACL on exactly the folders and files in question, instead of failing.',
    { default: '`false`', example: true },
  ),
  prepare: field(
    hostPreparationDocument,
    'What `vmwright host prepare` makes of the host, beyond what every host needs.',
  ),
})

const imageSettings = {
  firmware: field(oneOf(['uefi', 'bios']), 'Firmware that the image boots with.', {
    default: '`uefi`',
    example: 'bios',
  }),
  secureBoot: field(flag(), 'Boot with Secure Boot; needs `uefi`.', { default: '`false`', example: true }),
  machine: field(text(), 'Machine type of QEMU.', { default: '`q35`', example: 'pc' }),
  seedBus: field(
    oneOf(['scsi', 'sata', 'ide', 'virtio']),
    'Bus of the cloud-init medium. The Debian cloud kernel sees `scsi` and `virtio` only.',
    { default: '`scsi`', example: 'sata' },
  ),
  user: field(text(), 'User that the image makes by default, and that `vmwright ssh` logs in as.', {
    default: '`debian`; `ubuntu` for Ubuntu images',
    example: 'debian',
  }),
  customise: field(
    customiseDocument,
    'For images without cloud-init: what is done to the disk of an instance before its first boot. Its host name, addresses and new SSH host keys are written into it too, and the user to log in as is root.',
    { default: 'none: cloud-init does it' },
  ),
}

export const imageDocument = z.strictObject({
  url: field(url(), 'Where the image is published. `{version}` is replaced by `version`.', {
    example: 'https://cdimage.debian.org/cdimage/cloud/bookworm/{version}/debian-12-genericcloud-amd64.qcow2',
  }),
  fileName: field(text(), 'Name of the file in the manifest of the publisher. May contain `{version}`.', {
    default: 'last part of `url`',
    example: 'debian-12-genericcloud-amd64.qcow2',
  }),
  version: field(text(), 'Version directory at the publisher; a fixed one pins the image.', {
    default: '`latest`; `current` for Ubuntu',
    example: '20250316-2053',
  }),
  checksums: field(
    z.strictObject({
      url: field(url(), 'Checksum manifest. May contain `{version}`.', {
        default: '`SHA512SUMS` (or `SHA256SUMS`) beside the image',
      }),
      algorithm: field(oneOf(['sha512', 'sha256']), 'Digest algorithm of the manifest.', {
        default: '`sha512`',
        example: 'sha256',
      }),
    }),
    'Where the publisher lists the digests.',
  ),
  digest: field(digest(), 'The only digest that is accepted, whatever the manifest says.', {
    default: 'that of the manifest',
    example: `sha256:${'0123456789abcdef'.repeat(4)}`,
  }),
  signature: field(
    z.strictObject({
      url: required(url(), 'Detached signature over the checksum manifest. May contain `{version}`.', {
        example: 'https://cloud-images.ubuntu.com/noble/{version}/SHA256SUMS.gpg',
      }),
      keyring: required(
        localPath(),
        'File with the OpenPGP keys of which one must have made the signature.',
        { example: '/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg' },
      ),
    }),
    'Signature to be checked before the manifest is believed.',
    { default: 'none; for the Ubuntu images that of the publisher where the key ring is installed' },
  ),
  host: field(
    z.string({ error: () => fault('must be a text') }).regex(/^[^\\/:*?"<>|\0\n\r]{1,128}$/, {
      error: () =>
        fault('is not the name of an image', 'Write the name alone, without folder and extension.'),
    }),
    'Name of an image that a Hyper-V host has already, instead of `url`.',
    { example: 'Windows Server 2025' },
  ),
  file: field(localPath(), 'A local qcow2 or raw file, instead of `url`.', { example: './golden.qcow2' }),
  build: field(
    z.union(
      [
        z.literal(false),
        z.strictObject({
          distribution: required(oneOf(['debian', 'ubuntu']), 'Distribution to build from.', {
            example: 'debian',
          }),
          suite: required(key(), 'Code name of the release.', { example: 'bookworm' }),
          architecture: field(
            oneOf(['x86_64', 'aarch64']),
            'Architecture of the image, as libvirt spells it. Another than that of this machine needs the packages `qemu-user-static` and `binfmt-support`.',
            { default: 'that of this machine', example: 'aarch64' },
          ),
          mirror: field(url(), 'Package mirror.', {
            default: 'that of the machine, else of the distribution',
            example: 'https://deb.debian.org/debian',
          }),
          packages: field(z.array(text()), 'Packages beyond the standard set.', {
            default: '`[]`',
            example: ['htop'],
          }),
          size: field(size(), 'Size of the image; a root disk grows from it.', {
            default: '`2GiB`',
            example: '3GiB',
          }),
        }),
      ],
      { error: () => fault('must be a mapping with `distribution` and `suite`, or `false`') },
    ),
    'Build the image from distribution packages. Beside `url` it is the second choice, tried when the publisher cannot be reached; `false` takes away that of the catalogue.',
    { example: { distribution: 'debian', suite: 'bookworm' } },
  ),
  ...imageSettings,
})

export const imagePolicyDocument = z.strictObject({
  refresh: field(
    z.union([oneOf(['always', 'never']), duration()], {
      error: () => fault('must be `always`, `never` or an age', 'Write an age as `12h`.'),
    }),
    'When to ask the publisher for a newer checksum manifest: `always`, `never`, or when the cached one is older than an age.',
    { default: '`24h`', example: 'always' },
  ),
  verifyCached: field(flag(), 'Check cached files on every run.', { default: '`true`', example: false }),
  repair: field(flag(), 'Download again when a cached file has the wrong digest, instead of failing.', {
    default: '`false`',
    example: true,
  }),
  allowNocloud: field(
    flag(),
    'Accept `nocloud` images, which boot without a data source and let root in without a password.',
    { default: '`false`', example: true },
  ),
})
