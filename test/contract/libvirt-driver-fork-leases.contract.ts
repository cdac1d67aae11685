import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { waiterScript } from '../../packages/vmwright/src/engine/fork-waiter-script.ts'
import type { VmDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import type { FreeAddress } from '../../packages/vmwright/src/hypervisor/forks.ts'
import type { NetworkDefinition } from '../../packages/vmwright/src/hypervisor/networks.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { openTestHost, type TestHost } from './libvirt-driver-host.ts'

/**
 * The process that waits in a guest, in a network namespace instead, by a cable to the network's bridge; and a client
 * that asks from there as a fork would.
 */
const original = '52:54:00:d5:21:01'
const coming = ['52:54:00:d5:21:02', '52:54:00:d5:21:03']
const namespace = `vwf${process.pid}`
const cable = `vwg${process.pid}`
/** Somebody uses it, of whom the server knows nothing. */
const used = '10.213.232.102'

const run = (program: string, ...words: readonly string[]): Promise<boolean> =>
  promisify(execFile)(program, [...words]).then(
    () => true,
    () => false,
  )
const inside = (...words: readonly string[]): readonly string[] => ['netns', 'exec', namespace, ...words]

let test: TestHost
beforeEach(async ({ skip }) => {
  test = await openTestHost('fork-leases')
  skip(!(await run('dhclient', '--version')), 'dhclient (package isc-dhcp-client) is not there')
  skip(!(await run('ip', 'netns', 'add', namespace)), 'network namespaces cannot be made here')
  const { host, progress } = test
  await host.networks.ensure(progress, lab())
  await host.defineVm(progress, machine())
  await run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  await run('ip', 'link', 'set', cable, 'master', lab().bridge ?? '', 'up')
  await run('ip', '-n', namespace, 'address', 'add', `${used}/24`, 'dev', 'eth0')
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'address', original, 'up')
})
afterEach(async () => {
  await run('ip', 'netns', 'del', namespace)
  await run('ip', 'link', 'del', cable)
  await test.host.undefineVm(test.progress, machine().name)
  await test.host.networks.remove(test.progress, { ...lab().mark, name: lab().name })
  await test[Symbol.asyncDispose]()
})

const lab = (): NetworkDefinition => ({
  name: `${test.prefix}lab`,
  mark: { project: test.prefix, network: 'lab' },
  mode: 'open',
  bridge: `vwh${process.pid}`,
  mac: undefined,
  interface: undefined,
  mtu: undefined,
  ipv4: { address: '10.213.232.1', prefix: 24, dhcp: { from: '10.213.232.101', to: '10.213.232.105' } },
  ipv6: undefined,
  domain: undefined,
  records: [],
  forwarders: [],
  reservations: [{ mac: '52:54:00:d5:21:09', name: 'db', address: '10.213.232.103' }],
  autostart: false,
})

const machine = (): VmDefinition => ({
  name: `${test.prefix}web`,
  basis: undefined,
  id: uuidFromNames('fork-leases', test.prefix),
  mark: {
    project: test.prefix,
    instance: 'web',
    stage: 'created',
    image: { kind: 'image', id: 'none', digest: 'none' },
    volumes: [],
    seed: { instanceId: 'i', digest: 'd', sealed: true },
    hostKeys: [],
    user: 'root',
  },
  acceleration: 'emulation',
  vcpus: 1,
  singleSocket: true,
  memoryMib: 64,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  disks: [],
  seed: undefined,
  interfaces: [{ mac: original, network: lab().name }],
})

const cards = coming.map((to) => ({ from: original, to }))
const free = () => test.host.forks.freeAddresses(test.progress, machine().name, cards)

/** Lets the process ask, and end as it does in the original. */
async function ask(addresses: readonly FreeAddress[]): Promise<void> {
  const pipe = join(test.folder, 'pipe')
  const waiting = spawn('ip', [...inside('perl', '-', pipe)], { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise<unknown>((resolve) => void waiting.once('exit', resolve))
  waiting.stdin.end(waiterScript)
  await expect.poll(() => existsSync(pipe), { timeout: 20_000 }).toBe(true)
  const lines = addresses.map(
    ({ mac, address, server, former }) => `${[original, mac, address, server, ...former].join(' ')}\n`,
  )
  await writeFile(pipe, `${lines.join('')}here\nstop\n`)
  expect(await ended).toBe(0)
  expect(existsSync(pipe)).toBe(false)
}

const leases = async () => {
  const { networks } = await test.host.observe(test.progress)
  const own = networks.find(({ name }) => name === lab().name)?.leases ?? []
  return own.map(({ mac, address }) => ({ mac, address })).toSorted((a, b) => (a.mac < b.mac ? -1 : 1))
}

/** The address that a client with an identifier of its own is given from such a card. */
async function given(mac: string, identifier: string): Promise<string | undefined> {
  const [file, pid, config] = ['leases', 'pid', 'config'].map((what) =>
    join(test.folder, `${what}-${identifier}`),
  )
  if (file === undefined || pid === undefined || config === undefined) return undefined
  await writeFile(config, `send dhcp-client-identifier ${identifier};\n`)
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'address', mac)
  const client = ['dhclient', '-4', '-1', '-sf', '/bin/true', '-cf', config, '-lf', file, '-pf', pid, 'eth0']
  await run('ip', ...inside('timeout', '30', ...client))
  await run('kill', (await readFile(pid, 'utf8').catch(() => '0x')).trim())
  return /fixed-address ([\d.]+)/.exec(await readFile(file, 'utf8').catch(() => ''))?.[1]
}

it('X9: coming cards are leased addresses that nobody has, and who asks from one is given that', async () => {
  const first = await free()
  expect(first.map(({ mac }) => mac)).toEqual(coming)
  const addresses = first.map(({ address }) => address)
  expect(new Set(addresses).size).toBe(2)
  for (const address of addresses) expect(address).toMatch(/^10\.213\.232\.10[145]$/)
  await ask(first)
  const expected = first.map(({ mac, address }) => ({ mac, address }))
  await expect.poll(leases, { timeout: 10_000 }).toEqual(expected)

  expect(await given(coming[0] ?? '', 'ff:01:02:03:04:05')).toBe(addresses[0])
  expect(await leases()).toEqual(expected)

  // A fork of the same name was removed, and comes again: the former lease, that of another identifier, is given up.
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'address', original)
  const [again, none] = await free()
  expect(none).toBeUndefined()
  expect(addresses).not.toContain(again?.address)
  await ask(again === undefined ? [] : [again])
  await expect.poll(leases, { timeout: 10_000 }).toContainEqual({ mac: coming[0], address: again?.address })
  expect(await leases()).toHaveLength(2)
  expect(await given(coming[0] ?? '', 'ff:06:07:08:09:0a')).toBe(again?.address)
}, 120_000)
