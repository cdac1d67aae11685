import { describe, expect, it, test } from 'vitest'
import type { ObservedHost } from '../hypervisor/contract.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import type { PlacementSpec } from '../spec/resolved-places.ts'
import { cloneSpec, hostSpec, instanceSpec, resolvedSpec, templateSpec } from '../testing/specs.ts'
import { placeInstances, type PlacementInput } from './place.ts'
import { host, mark, poolWith, vm } from './testing/observed.ts'

const names = ['a', 'b', 'c'] as const

const candidates = (more: Partial<PlacementSpec> = {}): PlacementSpec => ({
  hosts: names,
  by: 'spread',
  group: 'together-allowed',
  ...more,
})

const web = (index: number, more: Partial<InstanceSpec> = {}): InstanceSpec =>
  instanceSpec(`web-${index}`, { group: 'web', host: 'a', placement: candidates(), ...more })

const webs = (count: number, more: Partial<InstanceSpec> = {}): readonly InstanceSpec[] =>
  Array.from({ length: count }, (_, index) => web(index + 1, more))

interface Case {
  readonly instances: readonly InstanceSpec[]
  readonly hosts?: readonly ObservedHost[]
  readonly down?: readonly string[]
  readonly adopt?: readonly string[]
  readonly named?: readonly string[]
}

function place({ instances, hosts = names.map((name) => host(name)), down = [], adopt = [], named }: Case) {
  const spec = resolvedSpec(instances, {
    hosts: names.map((name) => hostSpec({ name })),
    templates: [templateSpec()],
  })
  const error = { code: 'host.unreachable', message: 'gone', hint: '', details: {}, retryable: true } as const
  const input: PlacementInput = {
    spec,
    instances: instances.filter(({ name }) => named?.includes(name) ?? true),
    observed: new Map(hosts.filter((each) => !down.includes(each.host)).map((each) => [each.host, each])),
    unreachable: new Map(down.map((name) => [name, error])),
    adopt: new Set(adopt),
  }
  const placed = placeInstances(input)
  return { ...placed, at: placed.instances.map((each) => each.host).join(''), spec: placed.spec }
}

describe('K12: where instances go', () => {
  test.each<[string, Case, string]>([
    ['are spread', { instances: webs(10) }, 'abcabcabca'],
    ['are packed', { instances: webs(4, { placement: candidates({ by: 'pack' }) }) }, 'aaaa'],
    [
      'are packed until it is full',
      { instances: webs(4, { memoryMib: 6_000, placement: candidates({ by: 'pack' }) }) },
      'aabb',
    ],
    ['are apart', { instances: webs(3, { placement: candidates({ by: 'pack', group: 'apart' }) }) }, 'abc'],
    [
      'are rather apart, where there is another place',
      { instances: webs(4, { placement: candidates({ by: 'pack', group: 'prefer-apart' }) }) },
      'abca',
    ],
    [
      'are rather apart, but not where no room is',
      {
        instances: webs(2, { placement: candidates({ hosts: ['a', 'b'], group: 'prefer-apart' }) }),
        hosts: [host('a'), host('b', { freeMemoryMib: 512 })],
      },
      'aa',
    ],
    [
      'go where most memory is free',
      { instances: [web(1)], hosts: [host('a', { freeMemoryMib: 8_000 }), host('b'), host('c')] },
      'b',
    ],
    [
      'go where CPUs are free, although memory is everywhere',
      { instances: [web(1)], hosts: [host('a', { vms: [vm('x', { vcpus: 14, memoryMib: 8 })] }), host('b')] },
      'b',
    ],
    [
      'go by the share of a large and a small host',
      {
        instances: webs(3, { memoryMib: 4_096, vcpus: 1 }),
        hosts: [host('a'), host('b', { memoryMib: 65_536, freeMemoryMib: 65_536, cpus: 64 })],
      },
      'bbb',
    ],
    [
      'count what a running guest was promised, although it has not touched it',
      {
        instances: [web(1)],
        hosts: [host('a', { vms: [vm('x', { memoryMib: 9_000, vcpus: 0 })] }), host('b')],
      },
      'b',
    ],
    [
      'count stopped machines of ours',
      {
        instances: [web(1)],
        hosts: [host('a', { vms: [vm('x', { state: 'stopped', memoryMib: 9_000, vcpus: 0 })] }), host('b')],
      },
      'b',
    ],
    [
      'do not count stopped machines of strangers',
      {
        instances: [web(1)],
        hosts: [
          host('a', { vms: [vm('x', { state: 'stopped', memoryMib: 9_000, vcpus: 0, mark: undefined })] }),
          host('b'),
        ],
      },
      'a',
    ],
    [
      'count pinned ones that come later in the spec',
      {
        instances: [web(1), instanceSpec('db', { host: 'a', memoryMib: 12_000 })],
        hosts: [host('a'), host('b')],
      },
      'ba',
    ],
    [
      'stay where they are, although another host is empty',
      { instances: [web(1)], hosts: [host('a'), host('b', { freeMemoryMib: 0, vms: [vm('web-1')] })] },
      'b',
    ],
    [
      'stay where their creation was interrupted',
      {
        instances: [web(1)],
        hosts: [
          host('a'),
          host('b', { vms: [vm('web-1', { state: 'stopped', mark: mark('web-1', 'creating') })] }),
        ],
      },
      'b',
    ],
    [
      'stay on a host that is no candidate any more',
      {
        instances: [web(1, { placement: candidates({ hosts: ['a'] }) }), web(2)],
        hosts: [host('a'), host('c', { vms: [vm('web-1')] })],
      },
      'ca',
    ],
    [
      'keep away from those of their group that exist',
      {
        instances: webs(2, { placement: candidates({ hosts: ['a', 'b'], by: 'pack', group: 'apart' }) }),
        hosts: [host('a', { vms: [vm('web-2')] }), host('b')],
      },
      'ba',
    ],
    [
      'keep away from those of their group that exist and are not worked on',
      {
        instances: webs(2, { placement: candidates({ hosts: ['a', 'b'], by: 'pack', group: 'apart' }) }),
        hosts: [host('a', { vms: [vm('web-2')] }), host('b')],
        named: ['web-1'],
      },
      'b',
    ],
    [
      'pass over hosts where a stranger has the name',
      { instances: [web(1)], hosts: [host('a', { vms: [vm('web-1', { mark: undefined })] }), host('b')] },
      'b',
    ],
    [
      'are where the machine is that is to be taken over',
      {
        instances: [web(1)],
        hosts: [host('a'), host('b', { vms: [vm('web-1', { mark: mark('web-1', 'created', 'other') })] })],
        adopt: ['web-1'],
      },
      'b',
    ],
    [
      'are where their disk was kept',
      {
        instances: [web(1)],
        hosts: [host('a'), host('b', { pools: [poolWith('web-1.qcow2')], freeMemoryMib: 0 })],
      },
      'b',
    ],
    [
      'go where their template is',
      {
        instances: [cloneSpec('web-1', { placement: candidates() })],
        hosts: [
          host('a'),
          host('b', { vms: [vm('debian-template', { state: 'stopped', mark: undefined })] }),
        ],
      },
      'b',
    ],
    [
      'go where their network is',
      { instances: [web(1)], hosts: [host('a', { networks: [] }), host('b')] },
      'b',
    ],
    [
      'on two hosts: the one that is further is worked on',
      {
        instances: [web(1)],
        hosts: [
          host('a', { vms: [vm('web-1', { mark: mark('web-1', 'created') })] }),
          host('b', { vms: [vm('web-1')] }),
        ],
      },
      'b',
    ],
  ])('K8, K12: instances %s', (_what, each, at) => {
    const placed = place(each)
    expect(placed.at).toBe(at)
    expect([...placed.blocked]).toEqual([])
    expect(
      placed.spec.instances.filter(({ name }) => placed.instances.some((one) => one.name === name)),
    ).toEqual(placed.instances)
  })

  it('K12: the order of the spec decides between equal hosts, not that of the answers', () => {
    const hosts = names.map((name) => host(name))
    const forth = place({ instances: webs(7), hosts })
    expect(place({ instances: webs(7), hosts: hosts.toReversed() }).at).toBe(forth.at)
  })

  it('K12: no room is a finding that says for each host why', () => {
    const placed = place({
      instances: webs(2, { placement: candidates({ group: 'apart' }), memoryMib: 2_048 }),
      hosts: [
        host('a', { vms: [vm('web-2')] }),
        host('b', { freeMemoryMib: 1_000 }),
        host('c', { cpus: 1, networks: [] }),
      ],
    })
    expect([...placed.blocked]).toEqual([['web-1', 'no host has room for it']])
    expect(placed.findings).toMatchObject([
      {
        severity: 'error',
        code: 'host.no-room',
        object: 'instance web-1',
        message:
          'No host has room for web-1: a has an instance of web already; b has 1000 MiB of memory left of 16384, and it wants 2048; c has 1 CPUs, and it wants 2.',
      },
    ])
  })

  test.each<[string, Case, readonly (readonly [string, string])[]]>([
    [
      'pinned to it',
      { instances: [instanceSpec('db', { host: 'a' })], down: ['a'] },
      [['db', 'its host a cannot be reached']],
    ],
    [
      'that may be on it, and is found nowhere else',
      { instances: [web(1)], down: ['b'] },
      [['web-1', 'it may be on b, which cannot be reached']],
    ],
    [
      'that may be on it, and is found on another',
      { instances: [web(1)], hosts: [host('a'), host('c', { vms: [vm('web-1')] })], down: ['b'] },
      [],
    ],
    [
      'that may not be on it',
      { instances: [web(1, { placement: candidates({ hosts: ['a'] }) })], down: ['b'] },
      [],
    ],
  ])('K12: a host is down: an instance %s', (_what, each, blocked) => {
    expect([...place(each).blocked]).toEqual(blocked)
  })

  it('K12: an instance on two hosts is told', () => {
    const { findings } = place({
      instances: [web(1)],
      hosts: [host('a', { vms: [vm('web-1')] }), host('b', { vms: [vm('web-1')] })],
    })
    expect(findings).toMatchObject([{ severity: 'warning', code: 'vm.elsewhere', object: 'instance web-1' }])
    expect(findings[0]?.message).toContain('exists on a and on b too')
  })

  it('K12: a pinned instance that exists on another host is not made a second time', () => {
    const { blocked, findings } = place({
      instances: [instanceSpec('db', { host: 'a' }), web(1)],
      hosts: [host('a'), host('b', { vms: [vm('db')] })],
    })
    expect([...blocked]).toEqual([['db', 'it is on b']])
    expect(findings).toMatchObject([{ severity: 'error', code: 'vm.elsewhere', object: 'instance db' }])
  })
})
