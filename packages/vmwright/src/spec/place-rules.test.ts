import { expect, it, test } from 'vitest'
import { loadSound, problemLines, withHead } from './testing/load.ts'

const top = (lines: string): string => withHead(`${lines}\ninstances: { web: { image: debian-12 } }\n`)

const twoHosts = 'hosts: { a: {}, b: { uri: "qemu+ssh://root@b/system" } }\n'

/** Two hosts, and an instance `web` with fields from column 10 of line 6 on. */
const onTwo = (fields: string, defaults = 'image: debian-12'): string =>
  withHead(`${twoHosts}defaults: { ${defaults} }\ninstances:\n  web: { ${fields} }\n`)

/** Row, spec, and the only problem. */
const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  ['K3', top('pools: { p: {} }'), '3:10: pools.p: needs `path` or `use`'],
  ['K3', top('pools: { p: { use: a, mode: "0711" } }'), '3:29: pools.p.mode: cannot stand beside `use`'],
  ['K3', top('pools: { p: { use: a, name: b } }'), '3:29: pools.p.name: cannot stand beside `use`'],
  [
    'K3',
    top('pools: { p: { path: /a, volumeGroup: vms } }'),
    '3:21: pools.p.path: cannot stand beside `volumeGroup`',
  ],
  [
    'K3',
    top('pools: { p: { path: /a, devices: [/dev/sdb] } }'),
    '3:34: pools.p.devices: cannot stand beside `path`',
  ],
  [
    'K3',
    top('pools: { p: { path: /a, mode: 0711 } }'),
    "3:31: pools.p.mode: must be octal digits as text (Put them in quotes: '0711'.)",
  ],
  ['K3', top('pools: { p: { path: /a, mode: "0789" } }'), '3:31: pools.p.mode: must be octal digits'],
  [
    'K3',
    top('pools: { p: { path: /a, owner: root } }'),
    '3:32: pools.p.owner: must be a whole number from 0 to',
  ],
  [
    'K3',
    top('pools: { p: { path: /a, mode: "0750" } }'),
    '3:31: warning: pools.p.mode: keeps the guests from their disks',
  ],
  [
    'K3',
    top('pools: { p: { volumeGroup: a b } }'),
    '3:28: pools.p.volumeGroup: is not the name of a volume group',
  ],
  [
    'K3',
    top('pools: { p: { volumeGroup: v, devices: [sdb] } }'),
    '3:41: pools.p.devices[0]: must be an absolute path',
  ],
  [
    'K3',
    top('pools: { p: { netfs: { server: nas, folder: /vms } } }'),
    '3:15: pools.p.netfs: needs `path` beside it',
  ],
  [
    'K3',
    top('pools: { p: { path: /mnt, netfs: { server: nas, folder: vms } } }'),
    '3:57: pools.p.netfs.folder: must be an absolute path for NFS',
  ],
  [
    'K3',
    top('pools: { p: { path: /mnt, netfs: { server: "me@nas", folder: /vms } } }'),
    '3:44: pools.p.netfs.server: is not a host name or address',
  ],
  [
    'K3',
    withHead(
      'pools: { p: { path: /a }, q: { path: /a/ } }\ndefaults: { pool: p, image: debian-12 }\ninstances: { web: {} }\n',
    ),
    '3:38: pools.q.path: /a is the folder of the pool `p` too',
  ],
  [
    'K3',
    withHead(
      'pools: { p: { path: /a, name: x }, q: { use: x } }\ndefaults: { pool: p, image: debian-12 }\ninstances: { web: {} }\n',
    ),
    '3:46: pools.q.use: x is the name of the pool `p` too',
  ],
  [
    'K2',
    top('hosts: { a: { prepare: { packages: [--force] } } }'),
    '3:37: hosts.a.prepare.packages[0]: is not the name of a package',
  ],
  [
    'K2',
    top('hosts: { a: { prepare: { modules: [kvm intel] } } }'),
    '3:36: hosts.a.prepare.modules[0]: is not the name of a kernel module',
  ],
  [
    'K2',
    top('hosts: { a: { prepare: { users: [Me] } } }'),
    '3:34: hosts.a.prepare.users[0]: is not a user name',
  ],
  [
    'K2',
    top('hosts: { a: { prepare: { sysctls: { swap: 1 } } } }'),
    '3:37: hosts.a.prepare.sysctls.swap: is not the name of a kernel setting',
  ],
  [
    'K2',
    top('hosts: { a: { prepare: { firewallBackend: nft } } }'),
    '3:43: hosts.a.prepare.firewallBackend: must be `nftables` or `iptables`',
  ],
  [
    'K5',
    top('hosts: { a: { prepare: { bridges: { br0: {} } } } }'),
    '3:37: hosts.a.prepare.bridges.br0.interface: is missing',
  ],
  [
    'K5',
    top('hosts: { a: { prepare: { bridges: { a-name-of-sixteen: { interface: eno1 } } } } }'),
    '3:37: hosts.a.prepare.bridges.a-name-of-sixteen: is not the name of an interface',
  ],
  [
    'K5',
    top('hosts: { a: { prepare: { bridges: { br0: { interface: eno1 }, br1: { interface: eno1 } } } } }'),
    '3:81: hosts.a.prepare.bridges.br1.interface: is in the bridge `br0` too',
  ],
  [
    'K5',
    top('hosts: { a: { prepare: { bridges: { br0: { interface: br0 } } } } }'),
    '3:55: hosts.a.prepare.bridges.br0.interface: is itself a bridge of this host',
  ],
  [
    'K5',
    top('hosts: { a: { prepare: { bridges: { br0: { interface: eno1, confirmWithin: 2s } } } } }'),
    '3:76: hosts.a.prepare.bridges.br0.confirmWithin: is too short for a host to come back',
  ],
  ['K12', onTwo('vcpus: 1'), '6:3: instances.web: needs a `host`, because there is more than one'],
  ['K12', onTwo('host: a, placement: {}'), '6:19: instances.web.placement: cannot stand beside `host`'],
  [
    'K12',
    onTwo('placement: { hosts: [a, c] }'),
    '6:34: instances.web.placement.hosts[1]: there is no host of this name (Did you mean `a`? There are: a, b.)',
  ],
  ['K12', onTwo('placement: { hosts: [a, a] }'), '6:34: instances.web.placement.hosts[1]: is named twice'],
  ['K12', onTwo('placement: { hosts: [] }'), '6:30: instances.web.placement.hosts: must have at least 1'],
  [
    'K12',
    onTwo('placement: { hosts: every }'),
    '6:30: instances.web.placement.hosts: must be `all` or a list of keys',
  ],
  ['K12', onTwo('placement: { by: free }'), '6:27: instances.web.placement.by: must be `spread` or `pack`'],
  [
    'K12',
    onTwo('count: 3, placement: { group: apart }'),
    '6:40: instances.web.placement.group: keeps the 3 instances of `web` apart, but there are 2 hosts for them',
  ],
  [
    'K12',
    onTwo('count: 3', 'image: debian-12, placement: { group: apart }'),
    '4:51: defaults.placement.group: keeps the 3 instances of `web` apart, but there are 2 hosts for them',
  ],
  [
    'K12',
    withHead(
      'hosts: { a: {}, b: { uri: "hyperv://b", login: { user: me, password: { env: P } } } }\ninstances:\n  web: { image: debian-12, placement: {} }\n',
    ),
    '5:39: instances.web.placement: has libvirt and Hyper-V hosts, and an instance is made for one kind',
  ],
  [
    'K12',
    onTwo('placement: {}, address: 10.0.0.7/24 }\n  db: { host: b, address: 10.0.0.7/24'),
    '7:27: instances.db.address: the address 10.0.0.7 of db is that of web too',
  ],
  [
    'K4',
    withHead(
      'hosts: { me: { uri: "qemu:///session" } }\nnetworks: { lan: { mode: isolated } }\ninstances: { a: { image: debian-12 }, b: { image: debian-12 } }\n',
    ),
    "4:26: networks.lan.mode: cannot be made on `me`, which is a user's own libvirt",
  ],
  [
    'K3',
    withHead(
      'hosts: { h: { uri: "hyperv://h", login: { user: me, password: { env: P } } } }\npools: { p: { volumeGroup: v } }\ninstances: { a: { image: debian-12 } }\n',
    ),
    '4:28: pools.p.volumeGroup: cannot be made on `h`, which is a Hyper-V host',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toEqual([expect.stringContaining(`vmwright.yaml:${problem}`)])
})

test.each([
  [
    'path: /srv/vms, mode: "0711", owner: 0, group: 107',
    {
      kind: 'path',
      name: 'vmwright-p',
      path: '/srv/vms',
      permissions: { mode: 0o711, owner: 0, group: 107 },
    },
  ],
  [
    'path: /srv/vms, group: 107',
    { kind: 'path', permissions: { mode: 0o711, owner: undefined, group: 107 } },
  ],
  ['path: /srv/vms', { kind: 'path', permissions: undefined }],
  ['volumeGroup: vms', { kind: 'logical', name: 'vmwright-p', volumeGroup: 'vms', devices: [] }],
  [
    'volumeGroup: vms, devices: [/dev/sdb], name: mine',
    { kind: 'logical', name: 'mine', volumeGroup: 'vms', devices: ['/dev/sdb'] },
  ],
  [
    'path: /mnt, netfs: { server: nas, folder: /export }',
    { kind: 'netfs', name: 'vmwright-p', path: '/mnt', server: 'nas', folder: '/export', format: 'auto' },
  ],
  [
    'path: /mnt, netfs: { server: nas, folder: gv0, format: glusterfs }',
    { kind: 'netfs', folder: 'gv0', format: 'glusterfs' },
  ],
])('K3: the pool %s is %j', async (fields, pool) => {
  expect((await loadSound(top(`pools: { p: { ${fields} } }`))).pools).toMatchObject([{ id: 'p', ...pool }])
})

it('K2, K5: a host says what it is made to be, and needs to say nothing', async () => {
  const prepare = `
      packages: [htop, htop]
      sysctls: { vm.swappiness: 10, net.ipv4.conf.all.forwarding: true }
      modules: [vhost_net]
      users: [operator]
      firewallBackend: nftables
      bridges: { br0: { interface: eno1, stp: true, confirmWithin: 2m, allowDefaultRoute: true }, br1: { interface: eno2 } }`
  const { hosts } = await loadSound(
    withHead(
      `hosts:\n  a:\n    prepare:${prepare}\n  b: {}\ninstances: { web: { image: debian-12, host: a } }\n`,
    ),
  )
  expect(hosts.map(({ preparation }) => preparation)).toEqual([
    {
      packages: ['htop'],
      sysctls: { 'vm.swappiness': '10', 'net.ipv4.conf.all.forwarding': '1' },
      modules: ['vhost_net'],
      users: ['operator'],
      firewallBackend: 'nftables',
      bridges: [
        { name: 'br0', interface: 'eno1', stp: true, confirmWithinMs: 120_000, mayCarryDefaultRoute: true },
        { name: 'br1', interface: 'eno2', stp: false, confirmWithinMs: 60_000, mayCarryDefaultRoute: false },
      ],
    },
    { packages: [], sysctls: {}, modules: [], users: [], firewallBackend: undefined, bridges: [] },
  ])
})

const all = { hosts: ['a', 'b'], by: 'spread', group: 'prefer-apart' }

test.each([
  ['placement: {}', undefined, { host: 'a', placement: all }],
  [
    'placement: { hosts: [b, a], by: pack, group: apart }',
    undefined,
    { host: 'b', placement: { hosts: ['b', 'a'], by: 'pack', group: 'apart' } },
  ],
  ['host: b', 'placement: {}', { host: 'b', placement: undefined }],
  ['placement: {}', 'host: b', { host: 'a', placement: all }],
  [
    'placement: { by: pack }',
    'placement: { hosts: all, group: apart }',
    { placement: { ...all, by: 'pack', group: 'apart' } },
  ],
])('K12: %s over defaults of %s gives %j', async (fields, defaults, want) => {
  const spec = onTwo(fields, ['image: debian-12', defaults ?? []].flat().join(', '))
  expect((await loadSound(spec)).instances).toMatchObject([want])
})

it('K12: an instance of a group may be pinned while the others are placed', async () => {
  const spec = onTwo('count: 2, placement: {}, overrides: { web-2: { host: b } }')
  expect((await loadSound(spec)).instances.map(({ host, placement }) => [host, placement?.by])).toEqual([
    ['a', 'spread'],
    ['b', undefined],
  ])
})
