import { describe, expect, it, test } from 'vitest'
import type { InstanceSource, InstanceSpec } from './resolved.ts'
import { load, loadSound, problemLines, withHead } from './testing/load.ts'

const one = 'templates: { gold: { domain: golden } }\n'

/** A clone `web` of the template `gold`, with the given fields at column 5 of line 7. */
const clone = (fields: string, templates = one): string =>
  withHead(`${templates}instances:\n  web:\n    template: gold\n    ${fields}\n`)

const only = async (text: string): Promise<InstanceSpec> => {
  const [instance] = (await loadSound(text)).instances
  if (instance === undefined) throw new Error('no instance')
  return instance
}
const cloneOf = (instance: InstanceSpec): Extract<InstanceSource, { kind: 'template' }> => {
  if (instance.source.kind !== 'template') throw new Error(`${instance.name} is no clone`)
  return instance.source
}

describe('a template', () => {
  it('T3, T5: has the documented defaults', async () => {
    const { templates } = await loadSound(withHead('templates: { a: {}, b: { os: ubuntu } }\n'))
    expect(templates).toEqual([
      {
        id: 'a',
        domain: 'a',
        disks: undefined,
        os: 'debian',
        identity: 'offline',
        network: 'ifupdown',
        interfaces: ['enp1s0'],
        renderer: 'networkd',
        whenRunning: 'refuse',
        restart: false,
        clone: 'auto',
        user: 'debian',
        seedBus: 'scsi',
      },
      expect.objectContaining({ id: 'b', network: 'netplan', user: 'ubuntu' }),
    ])
  })

  it('T3: keeps its disks in their order', async () => {
    const { templates } = await loadSound(
      withHead('templates: { a: { disks: [/srv/b.qcow2, /srv//a.raw] } }\n'),
    )
    expect(templates[0]?.disks).toEqual(['/srv/b.qcow2', '/srv/a.raw'])
  })
})

describe('cloning', () => {
  it('T1, T2, T8: has the documented defaults', async () => {
    expect((await loadSound(withHead(''))).cloning).toEqual({
      mode: 'auto',
      parallel: 4,
      workspace: undefined,
      emptyWorkspace: true,
      validate: 'always',
      fullHash: false,
    })
  })

  it('T1, T2, T8: is as written', async () => {
    const text =
      'cloning: { mode: sequential, parallel: 2, workspace: /srv/work/, emptyWorkspace: false, validate: once, fullHash: true }\n'
    expect((await loadSound(withHead(text))).cloning).toEqual({
      mode: 'sequential',
      parallel: 2,
      workspace: '/srv/work',
      emptyWorkspace: false,
      validate: 'once',
      fullHash: true,
    })
  })
})

it('T9: who runs guests, and whether their access is repaired, is a matter of the host', async () => {
  const { hosts } = await loadSound(
    withHead('hosts: { a: { runtimeUser: libvirt-qemu, repairAccess: true }, b: {} }\n'),
  )
  expect(hosts).toMatchObject([
    { runtimeUser: 'libvirt-qemu', repairAccess: true },
    { runtimeUser: undefined, repairAccess: false },
  ])
})

describe('the pick', () => {
  const templates = 'templates: { gold: { domain: golden }, golden: { domain: silver }, x: { domain: y } }\n'

  test.each([
    ['by key', 'gold', 'gold'],
    ["by the machine's name", 'y', 'x'],
    ['by key before the machine of that name', 'golden', 'golden'],
  ])('T4: finds a template %s', async (_how, written, id) => {
    const instance = await only(withHead(`${templates}instances: { web: { template: ${written} } }\n`))
    expect(cloneOf(instance).id).toBe(id)
  })

  test.each([
    ['the instance before defaults', '{ image: debian-12 }', '{ template: gold }', 'gold'],
    ['an image of the instance before a template', '{ template: gold }', '{ image: debian-13 }', 'debian-13'],
    ['defaults where nothing is nearer', '{ template: gold }', '{}', 'gold'],
    ['an override before its group', '{}', '{ image: debian-12, overrides: { web: { template: x } } }', 'x'],
    [
      'an image of an override before a template of its group',
      '{}',
      '{ template: gold, overrides: { web: { image: debian-12 } } }',
      'debian-12',
    ],
  ])('T4: takes %s', async (_what, defaults, instance, id) => {
    const spec = await loadSound(
      withHead(`${templates}defaults: ${defaults}\ninstances: { web: ${instance} }\n`),
    )
    expect(spec.instances[0]?.source.id).toBe(id)
    // An image that only weaker levels name is not fetched.
    expect(spec.images.map((image) => image.id)).toEqual(id.startsWith('debian') ? [id] : [])
  })
})

describe('a clone', () => {
  it('T5: has form of network, interfaces, renderer and way of cloning from its template', async () => {
    const templates =
      'templates: { gold: { os: ubuntu, interfaces: [ens3], renderer: NetworkManager, clone: reflink } }\n'
    expect(cloneOf(await only(clone('vcpus: 1', templates)))).toEqual({
      kind: 'template',
      id: 'gold',
      clone: 'reflink',
      network: 'netplan',
      interfaces: ['ens3'],
      renderer: 'NetworkManager',
    })
  })

  it('T5: says otherwise for itself', async () => {
    const text = clone(
      'clone: overlay\n    guest: { network: netplan, interfaces: [eth0, eth1], renderer: NetworkManager }',
    )
    expect(cloneOf(await only(text))).toEqual({
      kind: 'template',
      id: 'gold',
      clone: 'overlay',
      network: 'netplan',
      interfaces: ['eth0', 'eth1'],
      renderer: 'NetworkManager',
    })
  })

  test.each([
    ['vcpus: 1', { sizeMib: 0, extension: 'qcow2' }],
    ['rootDisk: { size: 20GiB, extension: img }', { sizeMib: 20_480, extension: 'img' }],
  ])('T4: with %s has the root disk %j', async (fields, rootDisk) => {
    expect((await only(clone(fields))).rootDisk).toMatchObject(rootDisk)
  })

  it('T5: is ready without cloud-init, and logs in as the user of the template', async () => {
    const offline = await only(clone('vcpus: 1', 'templates: { gold: { user: ops } }\n'))
    expect(offline.ready.rungs).toEqual(['started', 'address', 'port', 'ssh'])
    expect(offline.cloudInit.user.name).toBe('ops')
    const seeded = await only(
      clone('vcpus: 1', 'templates: { gold: { identity: cloud-init, seedBus: sata } }\n'),
    )
    expect(seeded.ready.rungs).toContain('cloud-init')
    expect(seeded.seedBus).toBe('sata')
  })

  it('T5: takes from defaults only what reaches it, and no secret that it would not use', async () => {
    const defaults = `defaults:
  machine: pc
  firmware: bios
  rootDisk: { mode: overlay, format: qcow2 }
  extraDisks: [{ size: 1GiB }]
  interfaces: [{ rename: lan0, fallbackNames: [ens3] }]
  ready: { rungs: [started, cloud-init] }
  cloudInit: { packages: [curl], rootPassword: { env: NONE }, user: { name: ops, password: { env: NONE }, groups: [adm] } }
`
    const spec = await loadSound(
      withHead(`${one}${defaults}instances: { web: { template: gold }, db: { image: debian-12 } }\n`),
    )
    expect(spec.instances).toMatchObject([
      {
        extraDisks: [],
        interfaces: [{ rename: undefined, fallbackNames: [] }],
        ready: { rungs: ['started'] },
        cloudInit: {
          packages: [],
          rootPassword: undefined,
          user: { name: 'ops', password: undefined, groups: ['sudo'] },
        },
      },
      {
        machine: 'pc',
        extraDisks: [{ device: 'vdb' }],
        interfaces: [{ rename: 'lan0' }],
        ready: { rungs: ['started', 'cloud-init'] },
        cloudInit: { packages: ['curl'], rootPassword: { kind: 'env' } },
      },
    ])
  })

  it('T5: may be without keys of its own, because its template has users', async () => {
    expect(await problemLines(clone('cloudInit: { injectOwnKey: false }'))).toEqual([])
  })
})

const top = (lines: string): string => withHead(`${lines}\n`)
const twins = 'templates: { gold: { domain: vm }, other: { domain: vm } }\n'

/** Row, spec, and the only problem: `line:column: path: message`. */
const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  [
    'T1',
    top('cloning: { mode: paralel }'),
    '3:18: cloning.mode: must be `auto` or `sequential` or `parallel` (Did you mean `parallel`?)',
  ],
  ['T1', top('cloning: { parallel: 0 }'), '3:22: cloning.parallel: must be a whole number from 1 to 64'],
  [
    'T1',
    top('cloning: { paralel: 2 }'),
    '3:12: cloning.paralel: is not a field of the spec (Did you mean `parallel`?',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv//vms/ }'),
    '4:23: cloning.workspace: is the folder of the pool `p` (Give it a folder of its own',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv/x/../vms/work }'),
    '4:23: cloning.workspace: lies in the folder of the pool `p` (/srv/vms)',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv }'),
    '4:23: cloning.workspace: has in it the folder of the pool `p` (/srv/vms)',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: / }'),
    '4:23: cloning.workspace: has in it the folder of the pool `p`',
  ],
  [
    'T2',
    top('cloning: { workspace: /var/lib/libvirt/images/vmwright/instances }'),
    '3:23: cloning.workspace: is the folder of the pool `instances`',
  ],
  [
    'T2',
    top('hosts: { a: { imageCache: /srv/cache } }\ncloning: { workspace: /srv/cache/w }'),
    '4:23: cloning.workspace: lies in the folder of the image cache of the host `a` (/srv/cache)',
  ],
  [
    'T2',
    top('templates: { gold: { disks: [/w/a.qcow2] } }\ncloning: { workspace: /w }'),
    '3:30: templates.gold.disks[0]: lies in the workspace of `cloning`, which is emptied',
  ],
  ['T2', top('cloning: { workspace: work }'), '3:23: cloning.workspace: must be an absolute path'],
  [
    'T3',
    top('templates: { gold: { disk: [/a] } }'),
    '3:22: templates.gold.disk: is not a field of the spec (Did you mean `disks`?',
  ],
  ['T3', top('templates: { gold: { disks: [] } }'), '3:29: templates.gold.disks: must have at least 1'],
  [
    'T3',
    top('templates: { gold: { disks: [a.qcow2] } }'),
    '3:30: templates.gold.disks[0]: must be an absolute path',
  ],
  [
    'T3',
    top('templates: { gold: { disks: [/a, /b, //a] } }'),
    '3:38: templates.gold.disks[2]: is listed twice',
  ],
  [
    'T3',
    top('templates: { a: { disks: [/a] }, b: { disks: [/b, /a] } }'),
    '3:51: templates.b.disks[1]: is a disk of the template `a` too, which is another machine',
  ],
  ['T3', top('templates: { a: { domain: x/y } }'), '3:27: templates.a.domain: is not the name of a machine'],
  ['T3', top('templates: { "a b": {} }'), '3:14: templates."a b": is not a usable name'],
  [
    'T3',
    top('templates: { a: { whenRunning: shutdown } }'),
    '3:32: templates.a.whenRunning: must be `refuse` or `shut-down` (Did you mean `shut-down`?)',
  ],
  [
    'T4',
    top('templates: { gold: { domain: golden } }\ninstances: { web: { template: goldn } }'),
    '4:31: instances.web.template: there is no template of this name (Did you mean `gold`? There are: gold, golden.)',
  ],
  [
    'T4',
    top('instances: { web: { template: gold } }'),
    '3:31: instances.web.template: there is no template of this name (There are none.)',
  ],
  [
    'T4',
    top(`${twins}instances: { web: { template: vm } }`),
    '4:31: instances.web.template: is the machine of 2 templates (Write the key of the one that is meant: gold, other.)',
  ],
  ['T4', clone('image: debian-12'), '6:5: instances.web.template: cannot stand beside `image`'],
  [
    'T4',
    top(`${one}instances: { web: {} }`),
    '4:14: instances.web: needs an `image` or a `template` (Add `image:` here or in `defaults`. There are: debian-12, debian-13, ubuntu-24.04. Or `template:`; there are: gold.)',
  ],
  [
    'T4',
    top(`${one}instances: { golden: { template: gold } }`),
    '4:14: instances.golden: the name golden is that of the machine of the template `gold`',
  ],
  [
    'T4',
    top(`${one}instances: { web: { names: [a, Golden], template: golden } }`),
    '4:32: instances.web.names[1]: the name Golden is that of the machine of the template `gold`',
  ],
  [
    'T4',
    top(`${one}instances: { golden: { image: debian-12 } }`),
    '4:14: instances.golden: the name golden is that of the machine of the template `gold`',
  ],
  ...['machine: pc', 'firmware: bios', 'secureBoot: true'].map(
    (field) =>
      [
        'T4',
        clone(field),
        `7:5: instances.web.${field.split(':')[0]}: cannot be said of a clone, which has it from its template`,
      ] as const,
  ),
  [
    'T4',
    clone('rootDisk: { size: 2GiB, mode: overlay }'),
    '7:29: instances.web.rootDisk.mode: cannot be said of a clone',
  ],
  [
    'T4',
    clone('rootDisk: { format: raw }'),
    '7:17: instances.web.rootDisk.format: cannot be said of a clone',
  ],
  [
    'T4',
    clone('rootDisk: { extension: .img }'),
    '7:28: instances.web.rootDisk.extension: must be letters and digits',
  ],
  ['T4', clone('rootDisk: { size: 1MiB }'), '7:23: instances.web.rootDisk.size: is too small for a system'],
  ['T4', clone('extraDisks: [{ size: 1GiB }]'), '7:5: instances.web.extraDisks: cannot be given to a clone'],
  [
    'T4',
    top('instances: { web: { image: debian-12, clone: overlay } }'),
    '3:39: instances.web.clone: is only for clones',
  ],
  [
    'T4',
    clone('clone: overlya'),
    '7:12: instances.web.clone: must be `auto` or `copy` or `reflink` or `overlay` (Did you mean `overlay`?)',
  ],
  [
    'T5',
    top('instances: { web: { image: debian-12, guest: { network: netplan } } }'),
    '3:39: instances.web.guest: is only for clones',
  ],
  ['T5', top('templates: { gold: { os: fedora } }'), '3:26: templates.gold.os: must be `debian` or `ubuntu`'],
  [
    'T5',
    top('templates: { gold: { interfaces: [enp1s0, enp1s0] } }'),
    '3:43: templates.gold.interfaces[1]: is named twice',
  ],
  [
    'T5',
    top('templates: { gold: { interfaces: [enp1s0/1] } }'),
    '3:35: templates.gold.interfaces[0]: is not an interface name',
  ],
  [
    'T5',
    clone('guest: { interfaces: [a, b, a] }'),
    '7:33: instances.web.guest.interfaces[2]: is named twice',
  ],
  [
    'T5',
    clone('guest: { netwrok: netplan }'),
    '7:14: instances.web.guest.netwrok: is not a field of the spec (Did you mean `network`?',
  ],
  [
    'T5',
    clone('interfaces: [{}, {}]'),
    '7:22: instances.web.interfaces[1]: has no name in the guest, and ifupdown needs one',
  ],
  [
    'T5',
    clone('interfaces: [{ rename: lan0 }]'),
    '7:20: instances.web.interfaces[0].rename: cannot be said of a clone with `identity: offline`',
  ],
  [
    'T5',
    clone('cloudInit: { packages: [curl] }'),
    '7:18: instances.web.cloudInit.packages: needs cloud-init, and the template `gold` has `identity: offline`',
  ],
  [
    'T5',
    clone('cloudInit: { user: { name: a, shell: /bin/sh } }'),
    '7:35: instances.web.cloudInit.user.shell: needs cloud-init',
  ],
  ['T5', clone('seedBus: sata'), '7:5: instances.web.seedBus: needs cloud-init'],
  [
    'T5',
    clone('ready: { rungs: [started, cloud-init] }'),
    '7:14: instances.web.ready.rungs: has `cloud-init`, which the template `gold`',
  ],
  ['T9', top('hosts: { a: { runtimeUser: Root } }'), '3:28: hosts.a.runtimeUser: is not a user name'],
  [
    'T9',
    top('hosts: { a: { repairAcces: true } }'),
    '3:15: hosts.a.repairAcces: is not a field of the spec (Did you mean `repairAccess`?',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
  expect((await load(spec)).spec).toBeUndefined()
})

test.each([
  [
    'T5',
    top('templates: { gold: { identity: cloud-init, network: netplan } }'),
    '3:53: warning: templates.gold.network: has no effect with `identity: cloud-init`',
  ],
  [
    'T5',
    clone('guest: { network: netplan }', 'templates: { gold: { identity: cloud-init } }\n'),
    '7:5: warning: instances.web.guest: has no effect on a clone with `identity: cloud-init`',
  ],
  [
    'T3',
    top('templates: { gold: { restart: true } }'),
    '3:31: warning: templates.gold.restart: has no effect, because the template is never shut down',
  ],
])('%s: %j has the one warning %s', async (_row, spec, problem) => {
  const { spec: loaded } = await load(spec)
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
  expect(loaded).toBeDefined()
})

test.each([
  ['T2', top('pools: { p: { path: /srv/vms }, q: { use: default } }\ncloning: { workspace: /srv/vms2 }')],
  ['T3', top('templates: { a: { domain: vm, disks: [/a] }, b: { domain: vm, disks: [/a], os: ubuntu } }')],
  ['T4', top(`${twins}instances: { web: { template: other } }`)],
  [
    'T4',
    top(
      `hosts: { a: {}, b: {} }\n${one}instances: { web: { host: a, template: gold }, golden: { host: b, image: debian-12 } }`,
    ),
  ],
  ['T5', clone('interfaces: [{}, {}]\n    guest: { interfaces: [a, b] }')],
  ['T5', clone('interfaces: [{}, {}]', 'templates: { gold: { network: netplan } }\n')],
  [
    'T5',
    clone('cloudInit: { packages: [curl] }\n    interfaces: [{ rename: lan0 }, {}]').replace(
      'domain: golden',
      'identity: cloud-init',
    ),
  ],
  ['T5', clone('cloudInit: { injectOwnKey: true, user: { name: ops, sshKeys: [] } }')],
])('%s: %j is accepted', async (_row, spec) => {
  expect(await problemLines(spec)).toEqual([])
})

it('T4: tells what a clone cannot have once, however many instances say it', async () => {
  expect(await problemLines(clone('machine: pc\n    count: 20'))).toHaveLength(1)
})

it('a faulty template or pick causes no second problem', async () => {
  expect(await problemLines(clone('vcpus: 1', 'templates: { gold: [] }\n'))).toHaveLength(1)
  expect(
    await problemLines(
      withHead(
        `${one}defaults: { image: debian-12 }\ninstances: { web: { template: [1], clone: copy, guest: { network: netplan } } }\n`,
      ),
    ),
  ).toHaveLength(1)
})
