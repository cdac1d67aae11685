import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freeAddresses } from '../support/guest-facts.ts'
import { type JsonResult, jsonRun, mutationsOf, requireCode } from '../support/program.ts'
import { smallLinux, smallReady, whyNoSmallLinux } from '../support/small-linux.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * Clones of a template with an operating system: UEFI, three disks, one of them raw; and of one with a small Linux,
 * which takes its identity from the medium of cloud-init. The tests are one story and build on each other. What needs
 * no operating system is in `clones.acceptance.ts`.
 */
const virsh = openVirsh('qemu:///system')
const run = promisify(execFile)
const prefix = 'vmwright-tpl-'
const [golden, lean] = [`${prefix}golden`, `${prefix}lean`]
const [plan, ifup, seeded] = [`${prefix}plan`, `${prefix}ifup`, `${prefix}seeded`]
const guests = [plan, ifup, seeded]
const whyNot = whyNoSmallLinux()

let space: Workspace
let addresses: Readonly<Record<string, string>>
const digests: Record<string, string> = {}

beforeAll(async () => {
  if (whyNot !== undefined) return
  await sweep(virsh, prefix)
  space = await openWorkspace('tpl')
  const [first = '', second = ''] = await freeAddresses(virsh, 'default', 2)
  addresses = { [plan]: first, [ifup]: second }
  await mkdir(join(space.folder, 'golden'))
  await writeSpec()
  await makeTemplates()
})

beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))
afterAll(async () => {
  await sweep(virsh, prefix)
  await space?.[Symbol.asyncDispose]()
})

const image = { build: { distribution: 'debian', suite: 'bookworm', packages: ['ifupdown'] } }
const disk = (name: string): string => join(space.folder, 'golden', name)
const vmwright = (...args: readonly string[]) => space.vmwright(args)
const gateway = (): string => addresses[plan]?.replace(/\d+$/, '1') ?? ''

const writeSpec = (): Promise<string> =>
  space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-templates',
    hosts: { local: { acceleration: 'emulate', parallel: 3 } },
    networks: { lan: { use: 'default', gateway4: gateway(), dns: [gateway()], search: ['lab.example'] } },
    pools: { here: { path: join(space.folder, 'pool'), name: `${prefix}pool` } },
    images: { base: image },
    templates: {
      debian: {
        domain: golden,
        disks: ['root.qcow2', 'data.raw', 'more.qcow2'].map(disk),
        user: 'root',
        interfaces: ['enp1s0'],
      },
      small: {
        domain: lean,
        identity: 'cloud-init',
        clone: 'overlay',
        user: 'root',
        seedBus: 'virtio',
      },
    },
    cloning: { mode: 'auto', parallel: 2, validate: 'once' },
    defaults: { template: 'debian', memory: '768MiB', snapshot: false },
    instances: {
      [plan]: { guest: { network: 'netplan' }, address: `${addresses[plan]}/24`, vcpus: 1 },
      [ifup]: { guest: { network: 'ifupdown' }, address: `${addresses[ifup]}/24`, vcpus: 1 },
      [seeded]: { template: 'small', memory: '192MiB', ready: smallReady },
    },
  })

/** Machines as somebody may have installed them by hand: nothing in them is ours. */
async function makeTemplates(): Promise<void> {
  const pulled = requireCode(await vmwright('images', 'pull', '--image', 'base', '--json'))
  const cached = /"(\/[^"]+\.qcow2)"/.exec(pulled.stdout)?.[1] ?? ''
  await run('qemu-img', ['convert', '-O', 'qcow2', cached, disk('root.qcow2')])
  await run('qemu-img', ['create', '-q', '-f', 'raw', disk('data.raw'), '64M'])
  await run('mkfs.ext4', ['-q', '-L', 'golden-data', disk('data.raw')])
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', disk('more.qcow2'), '64M'])
  const disks = ['root.qcow2', 'data.raw', 'more.qcow2'].map(
    (file, index) => `<disk type='file' device='disk'><driver name='qemu' type='${file.split('.')[1]}'/>
      <source file='${disk(file)}'/><target dev='vd${'abc'[index]}' bus='virtio'/></disk>`,
  )
  await space.write(
    'golden.xml',
    `<domain type='qemu'><name>${golden}</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>
    <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type>
      <firmware><feature enabled='no' name='secure-boot'/><feature enabled='no' name='enrolled-keys'/></firmware>
      <boot dev='hd'/></os>
    <features><acpi/><apic/></features><cpu mode='maximum'><feature policy='disable' name='la57'/></cpu>
    <devices>
      <interface type='network'><mac address='52:54:00:60:1d:e4'/><source network='default'/><model type='virtio'/></interface>
      ${disks.join('')}
      <serial type='pty'/><console type='pty'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
      <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    </devices></domain>`,
  )
  await virsh('define', join(space.folder, 'golden.xml'))
  const { file = '' } = await smallLinux()
  await copyFile(file, disk('lean.qcow2'))
  await space.write(
    'lean.xml',
    `<domain type='qemu'><name>${lean}</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os><features><acpi/><apic/></features>
    <devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk('lean.qcow2')}'/>
        <target dev='vda' bus='virtio'/></disk>
      <interface type='network'><source network='default'/><model type='virtio'/></interface>
      <serial type='pty'/><console type='pty'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    </devices></domain>`,
  )
  await virsh('define', join(space.folder, 'lean.xml'))
  // It ran once, so it has firmware variables.
  await virsh('start', golden)
  await virsh('destroy', golden)
  for (const name of await readdir(join(space.folder, 'golden'))) digests[name] = await sha256(disk(name))
}

const sha256 = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

const machines = async (): Promise<readonly string[]> =>
  linesOf(await virsh('list', '--all', '--name'))
    .filter((name) => name.startsWith(prefix))
    .toSorted()

async function inGuest(name: string, script: string): Promise<readonly string[]> {
  return linesOf(requireCode(await vmwright('ssh', name, '--', script)).stdout)
}

describe('clones with an operating system', () => {
  it('T3, T10: the plan says what each is made of, and changes nothing', async () => {
    const { stdout } = requireCode(await vmwright('apply', '--check'))
    expect(stdout).toContain(golden)
    expect(await machines()).toEqual([golden, lean])
  })

  it('T1: three of two templates become ready: two got their identity offline, one by cloud-init', async () => {
    const { stdout } = requireCode(await vmwright('apply'))
    const rows = stdout.split('\n').map((line) => line.split(/\s{2,}/))
    expect(rows.slice(1, 4).map((row) => row.slice(0, 3))).toEqual(
      guests.map((name) => [name, 'local', 'running']),
    )
    const again = await vmwright('apply', '--json')
    expect(jsonRun(again).result.outcome).toBe('unchanged')
    expect(mutationsOf(jsonRun(again))).toBe(0)
  })

  it('T5: each has its own name, machine-id and host keys, all its disks, and network in the form asked for', async () => {
    const facts = async (name: string): Promise<readonly string[]> =>
      inGuest(
        name,
        `hostname; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; grep -c 'vd.$' /proc/partitions
         cat /etc/machine-id 2>/dev/null || echo none; lsblk -ndo LABEL /dev/vdb 2>/dev/null || true`,
      )
    const found = await Promise.all(guests.map(facts))
    for (const [index, name] of guests.entries()) {
      const [hostname, hostKey = 'none'] = found[index] ?? []
      expect(hostname).toBe(name)
      expect(await virsh('dumpxml', name)).toContain(hostKey)
    }
    expect(new Set(found.map(([, hostKey]) => hostKey)).size).toBe(3)
    const offline = found.slice(0, 2).map((lines) => lines.slice(2))
    const expected = ['3', expect.stringMatching(/^[0-9a-f]{32}$/), 'golden-data']
    expect(offline).toEqual([expected, expected])
    expect(offline[0]?.[1]).not.toBe(offline[1]?.[1])
  })

  it.each([
    ['netplan', plan, 'cat /etc/netplan/*.yaml; stat -c %a /etc/netplan/*.yaml', '600'],
    ['ifupdown', ifup, 'cat /etc/network/interfaces', `gateway `],
  ])('T5: the address of the clone with %s is that of the spec', async (_form, name, show, said) => {
    expect((await inGuest(name, show)).join('\n')).toContain(said)
    expect(await inGuest(name, "ip -4 -o address show scope global | grep -o 'inet [^ ]*'")).toEqual([
      `inet ${addresses[name]}/24`,
    ])
    expect(await inGuest(name, "ip route show default | grep -o 'via [^ ]*'")).toEqual([`via ${gateway()}`])
  })

  it('T1: hardware is as the spec says, and the rest as the template has it', async () => {
    const xml = await virsh('dumpxml', ifup)
    expect(xml).toMatch(/<vcpu[^>]*>1<\/vcpu>/)
    expect(xml).toContain("<memory unit='KiB'>786432</memory>")
    expect(xml).toMatch(/<loader[^>]*>\/.*OVMF/)
    expect(xml).not.toContain('52:54:00:60:1d:e4')
    const nvram = async (name: string): Promise<string> =>
      /<nvram[^>]*>([^<]+)</.exec(await virsh('dumpxml', name))?.[1] ?? 'none'
    expect(await nvram(ifup)).not.toBe(await nvram(golden))
    expect(existsSync(await nvram(ifup))).toBe(true)
  })

  it('T1, T3: neither the content nor the state of the template changed, and its disk under the overlay is protected', async () => {
    for (const [name, digest] of Object.entries(digests)) expect(await sha256(disk(name))).toBe(digest)
    for (const name of [golden, lean]) expect(await virsh('domstate', name)).toBe('shut off')
    await expect(virsh('start', lean)).rejects.toThrow(/denied|Read-only/i)
    const status = JSON.parse((await vmwright('status', '--json')).stdout) as JsonResult['instances']
    expect(status.map(({ name, drift }) => ({ name, drift }))).toEqual(
      guests.map((name) => ({ name, drift: [] })),
    )
  })

  it('T7: clean-up needs a yes, takes every disk of the clones, and leaves the template as it was', async () => {
    expect((await vmwright('destroy', '--disks')).code).toBe(3)
    requireCode(await vmwright('destroy', '--disks', '--yes'))
    expect(await machines()).toEqual([golden, lean])
    expect(await readdir(join(space.folder, 'pool')).catch((): string[] => [])).toEqual([])
    for (const [name, digest] of Object.entries(digests)) expect(await sha256(disk(name))).toBe(digest)
    for (const name of [golden, lean]) {
      await virsh('start', name)
      await virsh('destroy', name)
    }
  })
})
