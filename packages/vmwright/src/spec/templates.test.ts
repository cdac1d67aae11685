import { describe, expect, it, test } from 'vitest'
import type { InstanceSource, InstanceSpec } from './resolved.ts'
import { goldTemplate, loadSound, problemLines, withClone, withHead } from './testing/load.ts'

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
    expect(cloneOf(await only(withClone('vcpus: 1', templates)))).toEqual({
      kind: 'template',
      id: 'gold',
      clone: 'reflink',
      network: 'netplan',
      interfaces: ['ens3'],
      renderer: 'NetworkManager',
    })
  })

  it('T5: says otherwise for itself', async () => {
    const text = withClone(
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
    expect((await only(withClone(fields))).rootDisk).toMatchObject(rootDisk)
  })

  it('T5: is ready without cloud-init, and logs in as the user of the template', async () => {
    const offline = await only(withClone('vcpus: 1', 'templates: { gold: { user: ops } }\n'))
    expect(offline.ready.rungs).toEqual(['started', 'address', 'port', 'ssh'])
    expect(offline.cloudInit.user.name).toBe('ops')
    const seeded = await only(
      withClone('vcpus: 1', 'templates: { gold: { identity: cloud-init, seedBus: sata } }\n'),
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
      withHead(
        `${goldTemplate}${defaults}instances: { web: { template: gold }, db: { image: debian-12 } }\n`,
      ),
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
    expect(await problemLines(withClone('cloudInit: { injectOwnKey: false }'))).toEqual([])
  })
})
