import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import { define, type Lab, network, openLab } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { jsonRun, mutationsOf } from '../support/program.ts'
import { linesOf } from '../support/virsh.ts'

/**
 * The files of the systems that vmwright replaces, imported and applied on a real libvirt. What names the old
 * machine room (the host, folders, downloads) is replaced by what is here; the rest stays as it was imported.
 * That guests with an operating system become what a spec says is shown elsewhere, so these need only start.
 */
const unavailable = whyNoPrivateLibvirt()
const run = promisify(execFile)
const samples = join(import.meta.dirname, '../../packages/vmwright/src/importers/samples')
let lab: Lab

beforeAll(async () => {
  if (unavailable !== undefined) return
  lab = await openLab('import')
  const existing = network('default', 'vmwlab1').replaceAll('192.168.122', '192.168.24')
  await define(lab.space, lab.virsh, 'net', existing)
  await lab.virsh('net-start', 'default')
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))

type Section = Record<string, Record<string, unknown>>
interface Imported {
  hosts: Section
  images?: Section
  templates?: Section
  pools: Section
  cloning?: Record<string, unknown>
  defaults: Record<string, unknown>
  instances: Section
}

/** The spec as `import` writes it. It passes `validate` as it is. */
async function importSample(name: string): Promise<Imported> {
  const file = `${name}.yaml`
  await cp(join(samples, name), join(lab.space.folder, name), { recursive: true })
  await cp(join(samples, name), lab.space.folder, { recursive: true })
  const imported = await lab.space.vmwright(['import', name, '-o', file])
  expect({ code: imported.code, said: imported.stderr }).toEqual({ code: 0, said: expect.any(String) })
  const valid = await lab.space.vmwright(['validate', '-f', file], secrets)
  expect({ code: valid.code, said: valid.stderr }).toEqual({ code: 0, said: expect.any(String) })
  return parse(await readFile(join(lab.space.folder, file), 'utf8')) as Imported
}

const secrets = { VM_PASSWORD: 'a password for the test' }

/** On the libvirt of this lab; ready as soon as it is started. */
function brought(name: string, spec: Imported): Imported {
  const host = {
    uri: lab.libvirt.uri,
    acceleration: 'emulate',
    imageCache: join(lab.space.folder, 'image-cache'),
  }
  const sleeper = { file: './sleeper.qcow2', firmware: 'bios' }
  const started = { rungs: ['started'] }
  return {
    ...spec,
    hosts: mapped(spec.hosts, (old) => ({ ...old, ...host })),
    ...(spec.images === undefined ? {} : { images: mapped(spec.images, () => sleeper) }),
    pools: mapped(spec.pools, (old) => ({ ...old, path: join(lab.space.folder, 'pools', name) })),
    ...(spec.cloning === undefined
      ? {}
      : { cloning: { ...spec.cloning, workspace: join(lab.space.folder, 'work') } }),
    defaults: { ...spec.defaults, ready: started },
    instances: mapped(spec.instances, ({ ready: _ready, ...old }) => old),
  }
}

const mapped = <T extends object>(
  section: Section,
  change: (old: Record<string, unknown>) => T,
): Record<string, T> =>
  Object.fromEntries(Object.entries(section).map(([key, value]) => [key, change(value)]))

async function appliesAndGoes(spec: Imported): Promise<void> {
  await lab.space.spec('vmwright.yaml', spec)
  const names = Object.keys(spec.instances)
  const applied = await lab.space.vmwright(['apply'], secrets)
  if (applied.code !== 0) throw new Error(applied.stderr)
  const running = linesOf(await lab.virsh('list', '--name'))
  expect(names.filter((name) => !running.includes(name))).toEqual([])
  const again = jsonRun(await lab.space.vmwright(['apply', '--json'], secrets))
  expect({ outcome: again.result.outcome, mutations: mutationsOf(again) }).toEqual({
    outcome: 'unchanged',
    mutations: 0,
  })
  expect((await lab.space.vmwright(['destroy', '--disks', '--yes'], secrets)).code).toBe(0)
  const left = linesOf(await lab.virsh('list', '--all', '--name'))
  expect(names.filter((name) => left.includes(name))).toEqual([])
}

it('X5: the files of template clones become clones that got their identity offline', async () => {
  const spec = await importSample('t')
  const pulled = await lab.space.vmwright(['images', 'pull', '-f', await imageSpec(), '--json'])
  const cached = /"path":"([^"]+\.qcow2)"/.exec(pulled.stdout)?.[1] ?? ''
  await mkdir(join(lab.space.folder, 'templates'))
  const disk = join(lab.space.folder, 'templates', 'debian.qcow2')
  await run('qemu-img', ['convert', '-O', 'qcow2', cached, disk])
  await define(
    lab.space,
    lab.virsh,
    '',
    `<domain type='qemu'><name>debian-trixie-template</name><memory unit='MiB'>256</memory>
      <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
      <interface type='network'><source network='default'/><model type='virtio'/></interface></devices></domain>`,
  )
  const { 'ubuntu-noble': _unused, ...templates } = spec.templates ?? {}
  await appliesAndGoes({
    ...brought('t', spec),
    templates: mapped(templates, (old) => ({ ...old, disks: [disk] })),
    // Shutting down for a snapshot would wait for the system to boot.
    defaults: { ready: { rungs: ['started'] }, snapshot: false },
  })
})

const imageSpec = (): Promise<string> =>
  lab.space.spec('image.yaml', {
    version: 1,
    project: 'image',
    instances: { any: { image: 'debian-12' } },
  })

it('X5: the files of cloud images become machines with their disks, seeds and snapshots', async () => {
  const spec = await importSample('c')
  expect(Object.keys(spec.instances)).toHaveLength(4)
  await appliesAndGoes(brought('c', spec))
})

it('X5: the files of a cluster become its machines on its own network', async () => {
  const spec = await importSample('k')
  await appliesAndGoes(brought('k', spec))
})

it('X5: --check imports and shows what would be different on the host that the files name', async () => {
  const inventory = join(lab.space.folder, 'c', 'host.yml')
  // An address of this machine is its own libvirt, to which nothing is done here.
  await writeFile(inventory, (await readFile(inventory, 'utf8')).replace('192.168.24.3', '127.0.0.1'))
  const check = await lab.space.vmwright(['import', 'c', '--check'], secrets)
  expect(check.stdout).toContain('instance debian-12-b')
  expect(check.stdout).not.toContain('host.unreachable')
  expect(await lab.virsh('list', '--all', '--name')).not.toContain('debian-12-b')
})
