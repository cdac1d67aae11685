import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { readlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NetworkDefinition } from '../../packages/vmwright/src/hypervisor/networks.ts'
import { normalNetwork } from '../../packages/vmwright/src/hypervisor/normal-network.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import { openTestHost, type TestHost, virsh } from './libvirt-driver-host.ts'

let test: TestHost
let lab: NetworkDefinition
beforeEach(async () => {
  test = await openTestHost('networks')
  lab = {
    name: `${test.prefix}lab`,
    mark: { project: test.prefix, network: 'lab' },
    mode: 'nat',
    bridge: `vwn${process.pid}`,
    mac: undefined,
    interface: undefined,
    mtu: undefined,
    ipv4: { address: '10.213.220.1', prefix: 24, dhcp: { from: '10.213.220.100', to: '10.213.220.199' } },
    ipv6: undefined,
    domain: 'lab.test',
    records: [],
    forwarders: [],
    reservations: [{ mac: '52:54:00:d5:10:01', name: 'web', address: '10.213.220.10' }],
    autostart: true,
  }
})
afterEach(async () => {
  await virsh('destroy', `${test.prefix}vm`).catch(() => {})
  await virsh('undefine', `${test.prefix}vm`).catch(() => {})
  await virsh('net-destroy', lab.name).catch(() => {})
  await virsh('net-undefine', lab.name).catch(() => {})
  await test[Symbol.asyncDispose]()
})

const seen = async () =>
  (await test.host.observe(test.progress)).networks.find(({ name }) => name === lab.name)

const startMachine = async (): Promise<string> => {
  const name = `${test.prefix}vm`
  const file = `${test.folder}/vm.xml`
  const nic = `<interface type='network'><mac address='52:54:00:d5:10:01'/><source network='${lab.name}'/><model type='virtio'/></interface>`
  await writeFile(
    file,
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os><devices>${nic}</devices></domain>`,
  )
  await virsh('define', file)
  await virsh('start', name)
  return name
}
const detached = async (vm: string) =>
  (await test.host.observe(test.progress)).vms.find(({ name }) => name === vm)?.detached
/** False: it failed. */
const ip = (...words: readonly string[]): Promise<boolean> =>
  promisify(execFile)('ip', [...words]).then(
    () => true,
    () => false,
  )

/** The bridge that the machine's tap belongs to, by the kernel. */
const masterOf = async (vm: string): Promise<string | undefined> => {
  const tap = /vnet\d+/.exec(await virsh('domiflist', vm))?.[0] ?? ''
  return await readlink(`/sys/class/net/${tap}/master`).then(
    (path) => path.split('/').at(-1),
    () => undefined,
  )
}

describe('a network that is stopped behind our back', () => {
  it('K4: leaves its machines hanging, which is seen and mended', async () => {
    const { host, progress } = test
    await host.networks.ensure(progress, lab)
    const vm = await startMachine()
    expect(await detached(vm)).toEqual([])
    await virsh('net-destroy', lab.name)
    expect(await detached(vm)).toEqual(['52:54:00:d5:10:01'])
    await expect(host.networks.reattach(progress, vm)).rejects.toMatchObject({ code: 'network.inactive' })
    await host.networks.ensure(progress, lab)
    expect(await detached(vm)).toEqual(['52:54:00:d5:10:01'])
    expect(await masterOf(vm)).toBeUndefined()
    await host.networks.reattach(progress, vm)
    expect(await detached(vm)).toEqual([])
    expect(await masterOf(vm)).toBe(lab.bridge)
    expect(await virsh('dumpxml', vm)).toContain(`<source network='${lab.name}' portid=`)
  })

  it('K4: a machine that was attached half-way is attached by the next run', async () => {
    const { host, progress } = test
    await host.networks.ensure(progress, lab)
    const vm = await startMachine()
    await virsh('net-destroy', lab.name)
    await virsh('net-start', lab.name)
    const dies = new Progress(
      dyingSeam((kind, nth) => kind === 'libvirt.domainUpdateDeviceFlags' && nth === 2),
    )
    await expect(host.networks.reattach(dies, vm)).rejects.toThrow('killed')
    expect(await masterOf(vm)).toBe(lab.bridge)
    expect(await detached(vm)).toEqual(['52:54:00:d5:10:01'])
    await host.networks.reattach(progress, vm)
    expect(await detached(vm)).toEqual([])
    expect(await masterOf(vm)).toBe(lab.bridge)
  })
})

describe('the names of a network', () => {
  it('K4: are told by its name server, before any lease, and change while it runs', async () => {
    const { host, progress } = test
    await host.networks.ensure(progress, lab)
    const resolver = new Resolver({ timeout: 1_000, tries: 5 })
    resolver.setServers(['10.213.220.1'])
    const addressesOf = (name: string): Promise<readonly string[]> => resolver.resolve4(name).catch(() => [])
    expect(await addressesOf('web.lab.test')).toEqual(['10.213.220.10'])
    const changed = {
      ...lab,
      reservations: [{ mac: '52:54:00:d5:10:01', name: 'db', address: '10.213.220.11' }],
      records: [{ address: '192.0.2.80', names: ['outside'] }],
    }
    await host.networks.update(progress, changed, 'live')
    await expect.poll(() => addressesOf('db.lab.test'), { timeout: 60_000 }).toEqual(['10.213.220.11'])
    expect(await addressesOf('web.lab.test')).toEqual([])
    expect(await addressesOf('outside.lab.test')).toEqual(['192.0.2.80'])
  })
})

describe('what is in the way of a network', () => {
  it('K4: DNS that is answered at its address is a conflict that says so, and the next run goes on', async ({
    skip,
  }) => {
    const { host, progress } = test
    const address = '10.213.220.1'
    skip(!(await ip('addr', 'add', `${address}/32`, 'dev', 'lo')), 'addresses cannot be added here')
    const server = createServer()
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen({ port: 53, host: address }, resolve)
      })
      await expect(host.networks.ensure(progress, lab)).rejects.toMatchObject({
        code: 'network.conflict',
        message: expect.stringContaining(`answers DNS at ${address}`),
      })
      expect(await seen()).toMatchObject({ active: false, mark: lab.mark })
    } finally {
      server.close()
      await ip('addr', 'del', `${address}/32`, 'dev', 'lo')
    }
    await host.networks.ensure(progress, lab)
    expect(await seen()).toMatchObject({ active: true })
  })

  it('K4: an interface of the host with the name of its bridge is a conflict that names it', async () => {
    const { host, progress } = test
    const device = Object.keys(networkInterfaces()).find((name) => name !== 'lo') ?? 'lo'
    await expect(host.networks.ensure(progress, { ...lab, bridge: device })).rejects.toMatchObject({
      code: 'network.conflict',
      message: expect.stringContaining(device),
    })
    expect(await seen()).toMatchObject({ active: false, mark: lab.mark })
    await host.networks.ensure(progress, lab)
    expect(await seen()).toMatchObject({ active: true, bridge: lab.bridge })
  })
})

describe('a run that dies', () => {
  it('K4 K11: at any of its changes leaves what the next one finishes', async () => {
    const { host, progress } = test
    const changed = { ...lab, mtu: 1400, reservations: [] }
    const run = async (with_: Progress): Promise<void> => {
      await host.networks.ensure(with_, lab)
      const live = { ...lab, records: [{ address: '10.213.220.20', names: ['a', 'b'] }] }
      if ((await seen())?.definition?.mtu === undefined) await host.networks.update(with_, live, 'live')
      await host.networks.update(with_, changed, 'restart')
    }
    let at = 1
    for (let isDone = false; !isDone; at++) {
      const dies = new Progress(dyingSeam((_, __, mutation) => mutation === at))
      isDone = await run(dies).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toContain('killed')
          return false
        },
      )
      await run(progress)
      expect({ ...(await seen())?.definition, mac: undefined }).toEqual(normalNetwork(changed))
      expect(await seen()).toMatchObject({ active: true, autostart: true, running: undefined })
      await host.networks.remove(progress, { ...lab.mark, name: lab.name })
      expect(await seen()).toBeUndefined()
    }
    expect(at).toBeGreaterThan(8)
  }, 300_000)
})

/** Everything fails from the mutation on that the test chooses: by kind and its number of that kind, or of all. */
function dyingSeam(isEnd: (kind: string, nth: number, mutation: number) => boolean): Seam {
  const counts = new Map<string, number>()
  let isDead = false
  return realSeam({
    before({ kind, mutates }, mutation) {
      const nth = (counts.get(kind) ?? 0) + 1
      counts.set(kind, nth)
      isDead ||= mutates && isEnd(kind, nth, mutation)
      if (isDead) throw new Error('killed')
    },
  })
}
