import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { NetworkDefinition } from '../../packages/vmwright/src/hypervisor/networks.ts'
import { openTestHost, type TestHost } from './libvirt-driver-host.ts'

/** A client in a network namespace, by a cable to the network's bridge: what a guest would be given. */
const mac = '52:54:00:d5:20:01'
const namespace = `vwl${process.pid}`
const cable = `vwc${process.pid}`

const run = (program: string, ...words: readonly string[]): Promise<boolean> =>
  promisify(execFile)(program, [...words]).then(
    () => true,
    () => false,
  )

let test: TestHost
beforeEach(async ({ skip }) => {
  test = await openTestHost('leases')
  skip(!(await run('dhclient', '--version')), 'dhclient (package isc-dhcp-client) is not there')
  skip(!(await run('ip', 'netns', 'add', namespace)), 'network namespaces cannot be made here')
})
afterEach(async () => {
  await run('ip', 'netns', 'del', namespace)
  await run('ip', 'link', 'del', cable)
  await test.host.networks.remove(test.progress, { ...lab().mark, name: lab().name })
  await test[Symbol.asyncDispose]()
})

const lab = (): NetworkDefinition => ({
  name: `${test.prefix}lab`,
  mark: { project: test.prefix, network: 'lab' },
  mode: 'open',
  bridge: `vwb${process.pid}`,
  mac: undefined,
  interface: undefined,
  mtu: undefined,
  ipv4: { address: '10.213.231.1', prefix: 24, dhcp: { from: '10.213.231.100', to: '10.213.231.110' } },
  ipv6: { address: 'fd00:213:9::1', prefix: 64, dhcp: { from: 'fd00:213:9::100', to: 'fd00:213:9::110' } },
  domain: undefined,
  records: [],
  forwarders: [],
  reservations: reserved(10),
  autostart: false,
})

const reserved = (last: number): NetworkDefinition['reservations'] =>
  [`10.213.231.${last}`, `fd00:213:9::${last}`].map((address) => ({ mac, name: 'web', address }))

/** The address that a client without a lease is given. */
async function leaseOf(family: 'v4' | 'v6', attempt: number): Promise<string | undefined> {
  const [leases, pid] = ['leases', 'pid'].map((what) => join(test.folder, `${what}-${family}-${attempt}`))
  if (leases === undefined || pid === undefined) return undefined
  // The identity of DHCPv6 follows from the MAC, as systemd-networkd does it with `DUIDType=link-layer`.
  const how = family === 'v4' ? ['-4'] : ['-6', '-D', 'LL']
  const client = ['dhclient', ...how, '-1', '-sf', '/bin/true', '-lf', leases, '-pf', pid, 'eth0']
  await run('ip', 'netns', 'exec', namespace, 'timeout', '30', ...client)
  await run('kill', (await readFile(pid, 'utf8').catch(() => '0x')).trim())
  return /(?:fixed-address|iaaddr) ([\da-f.:]+)/.exec(await readFile(leases, 'utf8'))?.[1]
}

it('K4: a client is given what is reserved for its MAC, by IPv4 and IPv6, also when that changes live', async () => {
  const { host, progress } = test
  await host.networks.ensure(progress, lab())
  await run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  await run('ip', 'link', 'set', cable, 'master', lab().bridge ?? '', 'up')
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'address', mac, 'up')
  // A new bridge forwards at once, but IPv6 waits until nobody else turns out to have the address.
  await expect.poll(() => leaseOf('v4', 1), { timeout: 120_000 }).toBe('10.213.231.10')
  await expect.poll(() => leaseOf('v6', 1), { timeout: 120_000 }).toBe('fd00:213:9::10')
  const { leases } = (await host.observe(progress)).networks.find(({ name }) => name === lab().name) ?? {}
  expect(leases).toContainEqual({ mac, address: '10.213.231.10', hostname: 'web' })
  await host.networks.update(progress, { ...lab(), reservations: reserved(11) }, 'live')
  await expect.poll(() => leaseOf('v4', 2), { timeout: 120_000 }).toBe('10.213.231.11')
  await expect.poll(() => leaseOf('v6', 2), { timeout: 120_000 }).toBe('fd00:213:9::11')
}, 600_000)
