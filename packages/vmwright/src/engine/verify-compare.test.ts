import { describe, expect, it } from 'vitest'
import type { ObservedHost } from '../hypervisor/contract.ts'
import { ownChain, ownTable, ruleKey } from '../hypervisor/host/rule-names.ts'
import type { ObservedRules } from '../hypervisor/host/rules.ts'
import type { HostCensus } from '../hypervisor/host/records.ts'
import { compareHost, type CensusKind, type HostNow } from './verify-compare.ts'

const empty: HostCensus = {
  atMs: 0,
  domains: {},
  volumes: {},
  networks: {},
  pools: {},
  rules: {},
  sysctls: {},
  files: {},
  interfaces: {},
}
const observed: ObservedHost = {
  host: 'rack1',
  cpus: 1,
  memoryMib: 1,
  freeMemoryMib: 1,
  networks: [],
  pools: [],
  vms: [],
}
const theirs: ObservedRules = {
  project: 'other',
  network: 'other-lan',
  digest: 'd',
  backend: 'nftables',
  active: true,
  persistent: true,
}
const key = ruleKey(theirs)

const differences = (
  kind: CensusKind,
  [before, now]: readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>],
  more: Partial<HostNow> = {},
) =>
  compareHost(
    'demo',
    { ...empty, [kind]: before },
    { observed, rules: [], census: { ...empty, [kind]: now }, ...more },
  )

describe('K11: a host, compared with what it was', () => {
  it.each<[string, CensusKind, Record<string, string>, Record<string, string>, string[]]>([
    ['the same', 'domains', { a: '1' }, { a: '1' }, []],
    ['something new', 'domains', {}, { b: '1', a: '1' }, ['left a', 'left b']],
    ['something gone', 'files', { '/etc/x': '1' }, {}, ['missing /etc/x']],
    ['something else', 'pools', { p: '1' }, { p: '2' }, ['changed p']],
    [
      'our table',
      'rules',
      {},
      { 'inet vmwright-demo-1 chain forward': '1' },
      ['left inet vmwright-demo-1 chain forward'],
    ],
    ['a bridge', 'interfaces', {}, { br7: 'bridge' }, ['left br7']],
    ['a folder of rules', 'files', {}, { '/etc/vmwright': 'folder 755' }, ['left /etc/vmwright']],
  ])('K11: with %s', (_, kind, before, now, expected) => {
    expect(differences(kind, [before, now]).map(({ what, name }) => `${what} ${name}`)).toEqual(expected)
  })

  it.each<[string, CensusKind, Record<string, string>, Record<string, string>, string | undefined]>([
    ['the pool of images', 'pools', {}, { 'vmwright-images': '1' }, 'images prune'],
    ['an image', 'volumes', {}, { 'vmwright-images/a.qcow2': '1' }, 'images prune'],
    ['an image that is gone', 'volumes', { 'vmwright-images/a.qcow2': '1' }, {}, undefined],
    ['a pool of a similar name', 'pools', {}, { 'vmwright-images-2': '1' }, undefined],
    ['forwarding', 'sysctls', { 'net.ipv4.ip_forward': '0' }, { 'net.ipv4.ip_forward': '1' }, 'libvirt'],
    [
      'no forwarding any more',
      'sysctls',
      { 'net.ipv4.ip_forward': '1' },
      { 'net.ipv4.ip_forward': '0' },
      undefined,
    ],
    ['a network that was started', 'networks', { d: 'inactive, b' }, { d: 'active, b' }, 'net-destroy'],
    ['a network that was stopped', 'networks', { d: 'active, b' }, { d: 'inactive, b' }, undefined],
    ['a record of preparation', 'files', {}, { '/var/lib/vmwright/changes/x': '1' }, 'host restore'],
    [
      'a template that is still protected',
      'files',
      {},
      { '/var/lib/vmwright/protected/1-2': '1' },
      undefined,
    ],
  ])('K11: with %s, on purpose or not', (_, kind, before, now, reason) => {
    const [difference] = differences(kind, [before, now])
    expect(difference?.kept ?? 'not on purpose').toContain(reason ?? 'not on purpose')
  })

  it.each<[CensusKind, string]>([
    ['rules', `inet ${ownTable(theirs)} chain forward`],
    ['rules', `ip mangle chain ${ownChain(theirs, 'FWD')}`],
    ['rules', `iptables nat chain ${ownChain(theirs, 'NAT')}`],
    ['files', `/etc/vmwright/rules/${key}.nft`],
    ['files', '/etc/vmwright/rules'],
    ['files', '/etc/vmwright/rules/.folders'],
    ['files', '/etc/libvirt/hooks/network.d/vmwright'],
  ])('K11: without %s of another project: %s', (kind, name) => {
    const now = [{}, { [name]: '1' }] as const
    expect(differences(kind, now, { rules: [theirs] })).toEqual([])
    expect(differences(kind, now)).toHaveLength(1)
    expect(differences(kind, now, { rules: [{ ...theirs, project: 'demo' }] })).toHaveLength(1)
  })

  it('K11: without networks of others, and devices that follow from a network', () => {
    const network = {
      name: 'other-lan',
      active: true,
      autostart: true,
      mark: { project: 'other', network: 'lan' },
      bridge: 'br-other',
      subnets: [],
      hasDhcp: false,
      definition: undefined,
      running: undefined,
      leases: [],
    }
    const seen = { observed: { ...observed, networks: [network] } }
    const census = { ...empty, networks: { 'other-lan': '1' }, interfaces: { 'br-other': 'bridge' } }
    expect(compareHost('demo', empty, { ...seen, census, rules: [] })).toEqual([])
    expect(compareHost('other', empty, { ...seen, census, rules: [] })).toMatchObject([{ name: 'other-lan' }])
  })

  it('K11: does not take hooks of somebody else for a shared file', () => {
    const name = '/etc/libvirt/hooks/network.d/theirs'
    expect(differences('files', [{}, { [name]: '1' }], { rules: [theirs] })).toHaveLength(1)
  })
})
