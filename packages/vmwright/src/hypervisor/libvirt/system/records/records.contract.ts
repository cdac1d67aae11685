import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import type { HostCensus } from '../../../host/records.ts'
import { openNamespace, progress, whyNoNamespaces } from '../testing/namespaces.ts'
import { hostRules } from '../rules/rules.ts'
import { hostRecords } from './records.ts'

beforeEach(({ skip }) => skip(whyNoNamespaces() !== undefined, whyNoNamespaces()))

/** A host with a network and folders of its own. */
async function openHost() {
  const namespace = await openNamespace()
  const root = await mkdtemp(join(tmpdir(), 'vmwright-records-'))
  const [state, etc, hooks] = [join(root, 'state'), join(root, 'etc'), join(root, 'hooks')]
  const places = { rules: join(etc, 'rules'), hooks }
  return {
    ...namespace,
    state,
    hooks,
    records: hostRecords(namespace.shell, { state, folders: [etc, hooks] }),
    rules: hostRules(namespace.shell, places),
    [Symbol.asyncDispose]: async () => {
      await rm(root, { recursive: true })
      await namespace[Symbol.asyncDispose]()
    },
  }
}

it('K11: a host is as before once rules are gone, and not while they are there', async () => {
  await using host = await openHost()
  const { records } = host
  await host.sh('ip link add br0 type bridge; ip tuntap add tap0 mode tap; iptables -P FORWARD DROP')
  await mkdir(join(host.hooks, 'network.d'), { recursive: true })
  await writeFile(join(host.hooks, 'network.d/theirs'), '#!/bin/sh\n')
  const before = await records.census(progress)
  expect(before.interfaces).toEqual({ br0: 'bridge' })
  expect(before.files).toMatchObject({
    [host.hooks]: expect.stringMatching(/^folder 755$/),
    [join(host.hooks, 'network.d/theirs')]: expect.stringMatching(/^file 644 [0-9a-f]{16}$/),
  })
  expect(before.rules).toEqual({ 'ip filter chain FORWARD': expect.any(String) })
  expect(before.sysctls).toMatchObject({ 'net.ipv4.ip_forward': expect.stringMatching(/^[01]$/) })

  const owner = { project: 'demo', network: 'lab' }
  const { rules } = host
  const set = {
    bridge: 'vw-lab',
    subnets: ['10.7.1.0/24'],
    outside: undefined,
    masquerade: true,
    to: [],
    from: [],
  }
  await rules.apply(progress, { ...owner, ...set })
  const during = await records.census(progress)
  expect(Object.keys(during.rules).length).toBeGreaterThan(5)
  expect(during.rules).toMatchObject(before.rules)
  expect(Object.keys(during.files)).toContain(join(host.hooks, 'network.d/vmwright'))

  await host.sh('ip tuntap add tap1 mode tap')
  await rules.remove(progress, owner)
  expect(await records.census(progress)).toEqual(before)
})

it('K11: a record is kept once, on the host, and leaves nothing when it is forgotten', async () => {
  await using host = await openHost()
  const { records } = host
  const parts = { domains: { 'a "b"': 'x' }, volumes: {}, networks: {}, pools: {} }
  const census: HostCensus = { atMs: 7, ...parts, ...(await records.census(progress)) }
  expect(await records.kept(progress, 'demo')).toBeUndefined()
  await records.keep(progress, 'demo', census)
  await records.keep(progress, 'demo', { ...census, atMs: 8 })
  await records.keep(progress, 'other', { ...census, atMs: 9 })
  expect(await records.kept(progress, 'demo')).toEqual(census)
  expect(await readdir(join(host.state, 'records'))).toEqual(['demo.json', 'other.json'])
  expect((await records.census(progress)).files).toEqual({})
  await records.forget(progress, 'demo')
  await records.forget(progress, 'demo')
  expect(await records.kept(progress, 'demo')).toBeUndefined()
  expect(await records.kept(progress, 'other')).toMatchObject({ atMs: 9 })

  await writeFile(join(host.state, 'records/other.json'), '{"atMs":')
  await expect(records.kept(progress, 'other')).rejects.toMatchObject({
    code: 'host.operation-failed',
    hint: expect.stringContaining('other.json'),
  })
  await records.forget(progress, 'other')
  await expect(readdir(host.state)).rejects.toMatchObject({ code: 'ENOENT' })
})
