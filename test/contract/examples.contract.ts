import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { renderSeed } from '../../packages/vmwright/src/cloudinit/render.ts'
import { apply, type OperationOptions, preview } from '../../packages/vmwright/src/engine/operations.ts'
import { servicesFor } from '../../packages/vmwright/src/engine/testing.ts'
import { plainRequest } from '../../packages/vmwright/src/plan/plain-request.ts'
import type { Hypervisor, VmDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { openFakeHost } from '../../packages/vmwright/src/hypervisor/fake/fake-host.ts'
import type { HostInterface } from '../../packages/vmwright/src/hypervisor/host/network.ts'
import { addTemplate } from '../../packages/vmwright/src/hypervisor/fake/templates.ts'
import { createFakeWorld, type FakeWorld } from '../../packages/vmwright/src/hypervisor/fake/world.ts'
import { domainElement } from '../../packages/vmwright/src/hypervisor/libvirt/domain-xml.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { createFakeSeam } from '../../packages/vmwright/src/lib/testing/fake-seam.ts'
import { writeXml } from '../../packages/vmwright/src/lib/xml.ts'
import { loadSpec } from '../../packages/vmwright/src/spec/load.ts'
import { formatProblem } from '../../packages/vmwright/src/spec/problem.ts'
import type { ResolvedSpec } from '../../packages/vmwright/src/spec/resolved.ts'
import type { OwnNetworkSpec } from '../../packages/vmwright/src/spec/resolved-places.ts'

/** Each example is more than text: it is planned, applied to hosts in memory, and what comes of it is read by others. */
const examples = join(import.meta.dirname, '../../examples')
const files = (await readdir(examples)).filter((name) => name.endsWith('.yaml'))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmwright-examples-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function load(name: string): Promise<ResolvedSpec> {
  const { spec, problems } = await loadSpec(
    { readText: (path) => readFile(path).catch(() => undefined) },
    join(examples, name),
    { variables: {}, homeDirectory: '/home/me', currentDirectory: examples },
  )
  if (spec === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return spec
}

/** A host in memory for each of the spec, with the networks, pools and templates that it takes for granted. */
function worldsFor(spec: ResolvedSpec): ReadonlyMap<string, FakeWorld> {
  return new Map(
    spec.hosts.map(({ name }) => {
      const world = createFakeWorld()
      world.host = name
      world.cpus = 64
      world.memoryMib = 256 * 1024
      for (const { name, own } of spec.networks) {
        if (own === undefined)
          world.networks[name] ??= { active: true, subnets: [], hasDhcp: true, leases: [], assigned: {} }
        const { network } = world.system
        const known = network.interfaces.map((each) => each.name)
        const added = devicesOf(own).filter((each) => !known.includes(each.name))
        world.system.network = { ...network, interfaces: [...network.interfaces, ...added] }
      }
      for (const pool of spec.pools)
        if (pool.kind === 'use')
          world.pools[pool.name] ??= {
            path: `/srv/${pool.name}`,
            built: true,
            active: true,
            capacityBytes: 1e13,
            volumes: {},
          }
      for (const { domain, disks = [`/srv/${domain}.qcow2`] } of spec.templates)
        addTemplate(world, { name: domain, disks: disks.map((path) => ({ path })) })
      return [name, world]
    }),
  )
}

/** Devices of the host that an own network joins or goes out by. */
function devicesOf(own: OwnNetworkSpec | undefined): readonly HostInterface[] {
  const shared = { mac: undefined, isUp: true, master: undefined, addresses: [] }
  const outside = [own?.interface, own?.forwarding?.outside].filter((name) => name !== undefined)
  const bridge = own?.mode === 'bridge' && own.bridge !== undefined ? [own.bridge] : []
  return [
    ...outside.map((name) => ({ ...shared, name, kind: 'physical' as const })),
    ...bridge.map((name) => ({ ...shared, name, kind: 'bridge' as const })),
  ]
}

/** A host in memory starts its guests, but nobody answers at their addresses. */
function unanswering(spec: ResolvedSpec): ResolvedSpec {
  const instances = spec.instances.map((instance) => {
    const rungs = instance.ready.rungs.filter((rung) => rung === 'started')
    return { ...instance, ready: { ...instance.ready, rungs } }
  })
  return { ...spec, instances }
}

async function run(given: ResolvedSpec) {
  const spec = unanswering(given)
  const worlds = worldsFor(spec)
  const definitions: VmDefinition[] = []
  const listening = (host: Hypervisor): Hypervisor => ({
    ...host,
    defineVm: (progress, vm) => {
      definitions.push(vm)
      return host.defineVm(progress, vm)
    },
  })
  const services = servicesFor(createFakeWorld())
  const cached = <Image extends object>(image: Image, id: string): Image => ({
    ...image,
    id,
    fileName: `${id}.qcow2`,
  })
  const options: OperationOptions = {
    spec,
    instances: spec.instances,
    services: {
      ...services,
      ensureImage: async (progress, host, image, refresh) =>
        cached(await services.ensureImage(progress, host, image, refresh), image.id),
      peekImage: async (progress, host, image) => {
        const found = await services.peekImage(progress, host, image)
        return found && cached(found, image.id)
      },
      openHost: async (progress, { name }) =>
        listening(openFakeHost(worlds.get(name) ?? createFakeWorld(), progress.seam)),
    },
    onEvent: () => {},
    holder: 'test',
    lockTimeoutMs: 60_000,
    confirm: async () => true,
  }
  const progress = (): Progress => new Progress(createFakeSeam())
  const plan = await preview(progress(), options, plainRequest)
  const result = await apply(progress(), options, plainRequest)
  const again = await preview(progress(), options, plainRequest)
  return { plan, result, again, definitions }
}

describe.each(files)('X2: the example %s', (name) => {
  it('is planned and applied as a whole, and then there is nothing to do', async () => {
    const spec = await load(name)
    const { plan, result, again } = await run(spec)
    expect(plan.findings.filter((finding) => finding.severity === 'error')).toEqual([])
    expect(plan.changes.map(({ instance, action }) => [instance, action])).toEqual(
      spec.instances.map((instance) => [instance.name, 'create']),
    )
    expect([...(result.run?.errors.values() ?? [])]).toEqual([])
    expect(result.outcome).toBe('done')
    expect(again.steps).toEqual([])
  })

  it('renders to machines that libvirt understands', async () => {
    const { definitions } = await run(await load(name))
    expect(definitions.length).toBeGreaterThan(0)
    for (const vm of definitions) {
      // The test driver has machines of its own kind only; all else is read as for any other driver.
      const xml = writeXml(
        domainElement(
          { ...vm, acceleration: 'emulation' },
          { architecture: 'x86_64', pathOf: ({ pool, name: volume }) => `/srv/${pool}/${volume}` },
        ),
      ).replace("<domain type='qemu'>", "<domain type='test'>")
      const file = join(folder, `${vm.name}.xml`)
      await writeFile(file, xml)
      const { stdout } = await promisify(execFile)('virsh', [
        '-c',
        'test:///default',
        `define ${file}; dumpxml ${vm.name}`,
      ])
      expect(stdout).toContain(`<name>${vm.name}</name>`)
      for (const { device } of vm.disks) expect(stdout).toContain(`<target dev='${device}'`)
      for (const { mac } of vm.interfaces) expect(stdout).toContain(`<mac address='${mac}'/>`)
    }
  })

  it('renders to seeds that a YAML parser reads', async () => {
    for (const instance of (await load(name)).instances) {
      const secrets = { hostKeys: [], passwordHash: '$6$salt$hash', ownKey: 'ssh-ed25519 AAAA own' }
      const seed = renderSeed({ instance, instanceId: 'iid-1', generated: secrets })
      expect(seed.userData.split('\n', 1)).toEqual(['#cloud-config'])
      expect(parse(seed.userData)).toMatchObject({ hostname: expect.stringContaining(instance.name) })
      expect(parse(seed.metaData)).toMatchObject({ 'instance-id': 'iid-1' })
      expect(parse(seed.networkConfig)).toMatchObject({ version: 2, ethernets: expect.any(Object) })
      const sealed = renderSeed({ instance, instanceId: 'iid-1', generated: 'sealed' })
      expect(sealed.userData).not.toContain('$6$')
    }
  })
})
