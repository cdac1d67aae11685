import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Outside, openOutside } from '../support/outside.ts'
import { jsonRun, mutationsOf, requireCode } from '../support/program.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * A cluster with a pool and a network of its own, of guests that know nothing of cloud-init, and a machine outside.
 * The tests are one story and build on each other. What needs no operating system is in `cluster-days.acceptance.ts`.
 */
const virsh = openVirsh('qemu:///system')
const run = promisify(execFile)
const prefix = 'vmwright-clu-'
const [one, two] = [`${prefix}1`, `${prefix}2`]
const subnet = '10.214.7'

let space: Workspace
let outside: Outside
let before: string

beforeAll(async () => {
  await clean()
  outside = await openOutside('vmwclu', '10.214.8')
  space = await openWorkspace('clu')
  await writeSpec()
  before = await hostState()
})

afterAll(async () => {
  await space?.vmwright(['destroy', '--disks', '--yes'])
  await clean()
  await outside?.[Symbol.asyncDispose]()
  await space?.[Symbol.asyncDispose]()
})

async function clean(): Promise<void> {
  await sweep(virsh, prefix)
  for (const command of ['net-destroy', 'net-undefine']) await virsh(command, `${prefix}net`).catch(() => {})
}

const writeSpec = (records: Readonly<Record<string, string>> = {}): Promise<string> =>
  space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-cluster',
    hosts: { local: { acceleration: 'emulate', parallel: 3 } },
    images: { base: { build: { distribution: 'debian', suite: 'bookworm', packages: ['ifupdown'] } } },
    networks: {
      nodes: {
        mode: 'nat',
        name: `${prefix}net`,
        bridge: 'vmwclu-br',
        ipv4: { address: `${subnet}.1/24`, dhcp: { from: `${subnet}.100`, to: `${subnet}.199` } },
        domain: 'lab.test',
        records,
        assign: 'lease',
        forwarding: { from: [outside.subnet] },
      },
    },
    pools: { nodes: { path: join(space.folder, 'pool'), name: `${prefix}pool`, mode: '0711' } },
    defaults: {
      image: 'base',
      memory: '512MiB',
      snapshot: false,
      customise: { remove: ['qemu-guest-agent'], commands: ['echo made > /root/made-offline'] },
    },
    instances: { node: { count: 2, name: `${prefix}{index}`, address: `${subnet}.11/24`, vcpus: 1 } },
  })

/** Packet filter, hooks and rules as they stand, without counters. */
const hostState = async (): Promise<string> =>
  (
    await run('sh', [
      '-c',
      `iptables-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'; nft list tables
       find /etc/libvirt/hooks /etc/vmwright -type f 2>/dev/null | sort; ip -o link | cut -d: -f2 | grep vmwclu-br`,
    ]).catch((error: { readonly stdout: string }) => error)
  ).stdout

const vmwright = (...args: readonly string[]) => space.vmwright(args)

async function inGuest(name: string, script: string): Promise<readonly string[]> {
  return linesOf(requireCode(await vmwright('ssh', name, '--', script)).stdout)
}

/** What a server says first, asked from within a guest: its image has no program for that but the shell. */
const ask = (host: string, port: number): string =>
  `timeout 20 bash -c 'exec 3<>/dev/tcp/${host}/${port}; head -n 1 <&3'`

describe('a cluster', () => {
  it('K3, K4, K6, X2: the plan tells its network, rules and pool, and does nothing', async () => {
    const { stdout } = requireCode(await vmwright('plan'))
    for (const said of [`${prefix}net`, `${prefix}pool`, 'rules']) expect(stdout).toContain(said)
    expect(await hostState()).toBe(before)
  })

  it('K3, K4, K7, K8: is made of guests without cloud-init, which root reaches by key', async () => {
    requireCode(await vmwright('apply'))
    const found = await Promise.all(
      [one, two].map((name) =>
        inGuest(
          name,
          `hostname; id -un; cat /root/made-offline; cat /etc/machine-id; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub
           ip -4 -o address show scope global | grep -o 'inet [^ ]*'; systemctl is-active cloud-init || true
           test -e /usr/sbin/qemu-ga || echo removed`,
        ),
      ),
    )
    expect(found.map((lines) => [lines[0], lines[1], lines[2], lines[5]])).toEqual([
      [one, 'root', 'made', `inet ${subnet}.11/24`],
      [two, 'root', 'made', `inet ${subnet}.12/24`],
    ])
    expect(found.map((lines) => lines.slice(6))).toEqual([
      ['inactive', 'removed'],
      ['inactive', 'removed'],
    ])
    for (const fact of [3, 4]) expect(new Set(found.map((lines) => lines[fact])).size).toBe(2)
  })

  it('X2, X3: a second apply changes nothing', async () => {
    const again = jsonRun(await vmwright('apply', '--json'))
    expect(again.result.outcome).toBe('unchanged')
    expect(mutationsOf(again)).toBe(0)
  })

  it('K4, K6: guests reach each other by name, the host, and the outside under its address', async () => {
    expect(await inGuest(one, ask(`${two}.lab.test`, 22))).toEqual([expect.stringContaining('SSH-2.0')])
    expect(await inGuest(two, ask(one, 22))).toEqual([expect.stringContaining('SSH-2.0')])
    expect(await inGuest(one, `timeout 20 bash -c 'exec 3<>/dev/tcp/${subnet}.1/53' && echo open`)).toEqual([
      'open',
    ])
    const { asked } = await outside.whoAsks(8_000)
    expect(await inGuest(one, ask(outside.address, 8_000))).toEqual(['hello'])
    expect(await asked).toBe(outside.hostAddress)
  })

  it('K6, K9: the outside reaches the guests by the route that is printed, with the keys that are known', async () => {
    const { stdout } = await vmwright('access', '--format', 'route')
    const [, block = '', via = ''] = /ip route add (\S+) via (\S+)/.exec(stdout) ?? []
    expect(block).toBe(`${subnet}.0/24`)
    // The host is told by name; the one that this outsider knows it by is its address between the two.
    expect(via).not.toBe('')
    await outside.run('ip', 'route', 'add', block, 'via', outside.hostAddress)
    const config = await vmwright('access', '--format', 'ssh-config')
    await writeFile(join(space.folder, 'ssh_config'), config.stdout)
    const said = await outside.run('ssh', '-F', join(space.folder, 'ssh_config'), two, 'hostname')
    expect(said.stdout.trim()).toBe(two)
  })

  it('K4: a name is added while the network runs, and a network that was stopped behind our back comes back', async () => {
    await writeSpec({ api: `${subnet}.11` })
    expect((await vmwright('apply')).code).toBe(0)
    expect(await inGuest(two, ask('api.lab.test', 22))).toEqual([expect.stringContaining('SSH-2.0')])
    await virsh('net-destroy', `${prefix}net`)
    const plan = await vmwright('plan', '--detailed-exitcode')
    expect(plan.stdout).toContain(`${prefix}net`)
    requireCode(await vmwright('apply'))
    // A bridge forwards for a port only some seconds after it was joined.
    for (const name of [one, two])
      await space.until(async () => (await vmwright('ssh', name, '--', 'true')).code === 0)
    expect(await inGuest(one, ask(`${two}.lab.test`, 22))).toEqual([expect.stringContaining('SSH-2.0')])
    const { asked } = await outside.whoAsks(8_001)
    expect(await inGuest(two, ask(outside.address, 8_001))).toEqual(['hello'])
    expect(await asked).toBe(outside.hostAddress)
  })

  it('K11: is taken away, and the host is as it was before', async () => {
    requireCode(await vmwright('destroy', '--disks', '--yes', '--verify'))
    expect(await hostState()).toBe(before)
    const names = [
      ...linesOf(await virsh('net-list', '--all', '--name')),
      ...linesOf(await virsh('pool-list', '--all', '--name')),
    ]
    expect(names.filter((name) => name.startsWith(prefix))).toEqual([])
    expect((await vmwright('destroy', '--disks', '--yes', '--verify')).code).toBe(0)
  })
})
