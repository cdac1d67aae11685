import { expect, test } from 'vitest'
import { problemLines, withHead, withInstance } from './testing/load.ts'

const top = (lines: string): string => withHead(`${lines}\ninstances: { web: { image: debian-12 } }\n`)

/** Row, spec, and the only problem: `line:column: path: message`. */
const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  [
    'X1',
    withInstance('memroy: 2GiB'),
    '6:5: instances.web.memroy: is not a field of the spec (Did you mean `memory`?',
  ],
  [
    'X1',
    withInstance('memory: 2048'),
    '6:13: instances.web.memory: must be a size with a unit (Write `2GiB` or `512MiB`; a number alone has no unit.)',
  ],
  ['X1', withInstance('memory: 64MiB'), '6:13: instances.web.memory: is less than 128MiB'],
  ['X1', withInstance('vcpus: two'), '6:12: instances.web.vcpus: must be a whole number from 1 to 512'],
  ['X1', withInstance('vcpus: 0'), '6:12: instances.web.vcpus: must be a whole number from 1 to 512'],
  ['X1', withInstance('autostart: "yes"'), '6:16: instances.web.autostart: must be `true` or `false`'],
  [
    'X1',
    withInstance('rootDisk: { mode: overlya }'),
    '6:23: instances.web.rootDisk.mode: must be `overlay` or `copy` (Did you mean `overlay`?)',
  ],
  ['X1', withInstance('rootDisk:'), '6:5: instances.web.rootDisk: is empty'],
  ['X1', withInstance('count: 1001'), '6:12: instances.web.count: must be a whole number from 0 to 1000'],
  [
    'X1',
    withInstance('count: 2\n    name: same'),
    '7:11: instances.web.name: gives all instances the same name',
  ],
  [
    'X1',
    withInstance('name: "a{index}"'),
    '6:11: instances.web.name: has `{index}` but the group has no `count`',
  ],
  [
    'X1',
    withInstance('names: [a, b]\n    count: 2'),
    '7:12: instances.web.count: cannot stand beside `names`',
  ],
  ['X1', withInstance('names: [a, A]'), '6:16: instances.web.names[1]: the name A is used twice'],
  [
    'X1',
    withInstance('names: [a_b]'),
    '6:13: instances.web.names[0]: "a_b" is not usable as the name of an instance',
  ],
  ['X1', withInstance('name: LPT1'), '6:11: instances.web.name: LPT1 is the name of a device on Windows'],
  [
    'X1',
    withHead('instances:\n  a.b: { image: debian-12 }\n'),
    '4:3: instances.a.b: "a.b" is not usable as the name of an instance'.replace('a.b:', '"a.b":'),
  ],
  [
    'X1',
    withInstance('count: 2\n    overrides: { web-3: {} }'),
    '7:18: instances.web.overrides.web-3: is not an instance of this group (Did you mean `web-1`? There are: web-1, web-2.)',
  ],
  [
    'X1',
    withHead('instances:\n  web: { vcpus: 1 }\n'),
    '4:3: instances.web: needs an `image`'.replace('instances.web', 'instances.web'),
  ],
  [
    'X1',
    withHead('hosts: { a: {}, b: {} }\ninstances:\n  web: { image: debian-12 }\n'),
    '5:3: instances.web: needs a `host`, because there is more than one',
  ],
  [
    'X1',
    withHead('instances:\n  web: { image: debian-21 }\n'),
    '4:17: instances.web.image: there is no image of this name (Did you mean `debian-12`? There are: debian-12, debian-13, ubuntu-24.04.)',
  ],
  ['X1', top('project: other'), '3:1: project: is given twice'],
  ['X1', 'project: demo\n', '1:1: version: is missing'],
  ['X1', 'version: 2\nproject: demo\n', '1:10: version: must be `1`'],
  ['X1', 'version: 1\nproject: My_Project\n', '2:10: project: is not a project name'],
  [
    'X1',
    top('hosts: { local: { uri: "http://x" } }'),
    '3:24: hosts.local.uri: must be the URI of a hypervisor',
  ],
  [
    'X1',
    top('hosts: { local: { acceleration: kvm } }'),
    '3:33: hosts.local.acceleration: must be `require-kvm` or `prefer-kvm` or `emulate`',
  ],
  ['X1', top('pools: { p: { path: /a, use: b } }'), '3:21: pools.p.path: cannot stand beside `use`'],
  ['X1', top('pools: { p: {} }'), '3:10: pools.p: needs `path` or `use`'],
  ['X1', top('pools: { p: { path: ../a } }'), '3:21: pools.p.path: must be an absolute path'],
  ['C1', top('images: { mine: { user: me } }'), '3:11: images.mine: has no source'],
  [
    'C1',
    top('images: { mine: { file: a.qcow2, url: "https://x/y" } }'),
    '3:39: images.mine.url: cannot stand beside `file`',
  ],
  [
    'C1',
    top('images: { mine: { file: a.qcow2, digest: "sha256:12" } }'),
    '3:42: images.mine.digest: must be a digest',
  ],
  ['C1', top('images: { mine: { url: "https://me:pw@x/y" } }'), '3:24: images.mine.url: must be a URL'],
  [
    'C2',
    top('imagePolicy: { refresh: 12 }'),
    '3:25: imagePolicy.refresh: must be `always`, `never` or an age',
  ],
  [
    'C4',
    top('images: { mine: { url: "https://x/debian-12-nocloud-amd64.qcow2" } }'),
    '3:24: images.mine.url: is a `nocloud` image, which is not accepted',
  ],
  [
    'C7',
    withInstance('cloudInit: { sshPasswordAuth: true }'),
    '6:35: instances.web.cloudInit.sshPasswordAuth: needs a password for the user',
  ],
  [
    'C7',
    withInstance('cloudInit: { user: { name: Admin } }'),
    '6:32: instances.web.cloudInit.user.name: is not a user name',
  ],
  [
    'C7',
    withInstance('cloudInit: { user: { sshKeys: [ssh-rsa nope] } }'),
    '6:36: instances.web.cloudInit.user.sshKeys[0]: is not an SSH public key',
  ],
  [
    'C7',
    withInstance('cloudInit: { user: { sshKeys: [{ file: no.pub }] } }'),
    '6:44: instances.web.cloudInit.user.sshKeys[0].file: the file /specs/no.pub cannot be read',
  ],
  [
    'C7',
    withInstance('cloudInit: { user: { password: { envv: X } } }'),
    '6:38: instances.web.cloudInit.user.password: has a key that is not known',
  ],
  [
    'C7',
    withInstance('cloudInit: { user: { password: { env: A }, hashedPassword: { env: B } } }'),
    '6:64: instances.web.cloudInit.user.hashedPassword: cannot stand beside `password`',
  ],
  [
    'C7',
    withInstance('cloudInit: { writeFiles: [{ path: /a, content: b, permissions: 0644 }] }'),
    "6:68: instances.web.cloudInit.writeFiles[0].permissions: must be octal digits as text (Put them in quotes: '0644'.)",
  ],
  [
    'C7',
    withInstance('cloudInit: { runcmd: [[]] }'),
    '6:27: instances.web.cloudInit.runcmd[0]: must have at least 1',
  ],
  [
    'C7',
    withInstance('cloudInit: { packages: curl }'),
    '6:28: instances.web.cloudInit.packages: must be a list',
  ],
  [
    'C8',
    withInstance('address: 192.168.1.5'),
    '6:14: instances.web.address: must be an address with prefix length (Write',
  ],
  [
    'C8',
    withInstance('address: 192.168.1.500/24'),
    '6:14: instances.web.address: is not an address with prefix length',
  ],
  [
    'C8',
    withInstance('address: 192.168.1.0/24'),
    '6:14: instances.web.address: is the address of the subnet itself',
  ],
  [
    'C8',
    withInstance('address: 192.168.1.255/24'),
    '6:14: instances.web.address: is the broadcast address of its subnet',
  ],
  ['C8', withInstance('address: 127.0.0.1/8'), '6:14: instances.web.address: is not an address of a machine'],
  [
    'C8',
    withInstance('count: 2\n    address: 192.168.1.254/24'),
    '7:14: instances.web.address: counts up to 192.168.1.255, which is the broadcast address of its subnet',
  ],
  [
    'C8',
    withInstance('count: 2\n    addresses: [192.168.1.4/24]'),
    '7:16: instances.web.addresses: has 1 entry for 2 instances',
  ],
  [
    'C8',
    withInstance('interfaces: [{ addresses: [10.0.0.5/24], gateway4: 10.0.1.1 }]'),
    '6:56: instances.web.interfaces[0].gateway4: the gateway 10.0.1.1 is not in the subnet of 10.0.0.5/24',
  ],
  [
    'C8',
    withInstance('interfaces: [{ gateway4: 10.0.1.1 }]'),
    '6:30: instances.web.interfaces[0].gateway4: needs a static IPv4 address beside it',
  ],
  [
    'C8',
    withInstance('interfaces: [{ mac: 52-54-00-12-34-56 }]'),
    '6:25: instances.web.interfaces[0].mac: must be a MAC address',
  ],
  [
    'C8',
    withInstance('interfaces: [{ network: lam }]'),
    '6:29: instances.web.interfaces[0].network: there is no network of this name (There are: default.)',
  ],
  [
    'C8',
    withInstance('count: 2\n    interfaces: [{ mac: "52:54:00:00:00:01" }]'),
    '7:25: instances.web.interfaces[0].mac: the MAC 52:54:00:00:00:01 of web-2 is that of web-1 too',
  ],
  [
    'C8',
    withInstance('address: 10.0.0.5/24\n  db: { image: debian-12, address: 10.0.0.5/8 }'),
    '7:36: instances.db.address: the address 10.0.0.5 of db is that of web too',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ device: vda, size: 1GiB }]'),
    '6:28: instances.web.extraDisks[0].device: must be `vdb` to `vdz`',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ mount: { path: /srv } }]'),
    '6:18: instances.web.extraDisks[0].size: is missing',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ device: vdc, size: 1GiB }, { device: vdc, size: 1GiB }]'),
    '6:57: instances.web.extraDisks[1].device: the device vdc is used by another disk',
  ],
  [
    'C9',
    withInstance(
      'extraDisks: [{ size: 1GiB, mount: { path: /data } }, { size: 1GiB, mount: { path: /data/ } }]',
    ),
    '6:87: instances.web.extraDisks[1].mount.path: /data is the mount point of another disk',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ size: 1GiB, mount: { path: /var } }]'),
    '6:47: instances.web.extraDisks[0].mount.path: would hide what the image has in `/var`',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ size: 1GiB, mount: { path: /boot/efi } }]'),
    '6:47: instances.web.extraDisks[0].mount.path: is a place the system itself needs',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ size: 1GiB, mount: { path: data } }]'),
    '6:47: instances.web.extraDisks[0].mount.path: is not a mount point',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ size: 1GiB, mount: { path: /a, filesystem: btrfs } }]'),
    '6:63: instances.web.extraDisks[0].mount.filesystem: must be `ext4` or `xfs`',
  ],
  [
    'C9',
    withInstance('extraDisks: [{ size: 1GiB, mount: { path: /a, filesystem: xfs, label: thirteenchars } }]'),
    '6:75: instances.web.extraDisks[0].mount.label: is longer than the 12 characters that xfs has for it',
  ],
  [
    'C10',
    withInstance('firmware: bios\n    secureBoot: true'),
    '7:17: instances.web.secureBoot: needs `firmware: uefi`',
  ],
  [
    'C11',
    withInstance('seedBus: ide'),
    '6:14: instances.web.seedBus: cannot be `ide` on a q35 machine, which has no IDE bus',
  ],
  [
    'C17',
    withInstance('ready: { timeouts: { ssh: 180 } }'),
    '6:31: instances.web.ready.timeouts.ssh: must be a duration with a unit',
  ],
  ['C17', withInstance('ready: { rungs: [] }'), '6:21: instances.web.ready.rungs: must have at least 1'],
  [
    'C17',
    withInstance('snapshot: { name: "a b" }'),
    '6:23: instances.web.snapshot.name: is not a usable name',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
})

const accepted: readonly (readonly [row: string, spec: string])[] = [
  ['C4', top('imagePolicy: { allowNocloud: true }\nimages: { mine: { url: "https://x/a-nocloud.qcow2" } }')],
  ['C8', withInstance('address: 10.0.0.5/31')],
  [
    'C8',
    withInstance(
      'address: 10.0.0.5/24\n  db: { image: debian-12, network: b, address: 10.0.0.5/24 }\nnetworks: { a: { use: a }, b: { use: b } }\ndefaults: { network: a }',
    ),
  ],
  [
    'C9',
    withInstance(
      'extraDisks: [{ size: 1GiB, mount: { path: /var, allowVar: true } }, { size: 1GiB, mount: { path: /var/lib/x } }]',
    ),
  ],
  ['C11', withInstance('seedBus: ide\n    machine: pc')],
  ['X1', withInstance('name: constructor')],
]

test.each(accepted)('%s: %j is accepted', async (_row, spec) => {
  expect(await problemLines(spec)).toEqual([])
})
