import { expect, it } from 'vitest'
import { Secret, type SecretRef } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { seedDigest } from './seed-digest.ts'
import { dhcpInterface, exampleCloudInit, exampleInstance, exampleInterface } from './testing.ts'

const base = seedDigest(exampleInstance())
const withPassword = (password: SecretRef): InstanceSpec =>
  exampleInstance({ user: { ...exampleCloudInit.user, password } })
const disk = { device: 'vdb', sizeMib: 1024, format: 'qcow2', extension: 'qcow2' } as const
const mount = { path: '/data', filesystem: 'ext4', options: 'defaults', label: 'x' } as const

it('is a SHA-256 in hex', () => expect(base).toMatch(/^[0-9a-f]{64}$/))

it.each<[string, InstanceSpec]>([
  ['name', exampleInstance({}, { name: 'web-2' })],
  ['packages', exampleInstance({ packages: ['curl'] })],
  ['raw', exampleInstance({ raw: { a: 1 } })],
  ['address', exampleInstance({}, { interfaces: [{ ...exampleInterface, addresses: ['10.0.0.1/8'] }] })],
  ['DHCP', exampleInstance({}, { interfaces: [dhcpInterface] })],
  ['mount', exampleInstance({}, { extraDisks: [{ ...disk, mount }] })],
  ['password', withPassword({ kind: 'env', name: 'A' })],
])('changes with the %s', (_what, instance) => expect(seedDigest(instance)).not.toBe(base))

it.each<[string, InstanceSpec]>([
  ['CPUs', exampleInstance({}, { vcpus: 4 })],
  ['memory', exampleInstance({}, { memoryMib: 4096 })],
  [
    'host, pool and network names',
    exampleInstance({}, { host: 'b', pool: 'b', interfaces: [{ ...exampleInterface, network: 'b' }] }),
  ],
  [
    'a lease that the host gives',
    exampleInstance({}, { interfaces: [{ ...exampleInterface, leases: ['10.0.0.7'] }] }),
  ],
  ['a disk that is only attached', exampleInstance({}, { extraDisks: [{ ...disk, mount: undefined }] })],
  ['the order of keys', exampleInstance({ raw: {}, packages: [] })],
])('does not change with %s', (_what, instance) => expect(seedDigest(instance)).toBe(base))

it('takes secrets by where they come from, never by value', () => {
  const literal = (value: string): string =>
    seedDigest(withPassword({ kind: 'literal', value: new Secret(value) }))
  expect(literal('one')).toBe(literal('two'))
  expect(seedDigest(withPassword({ kind: 'env', name: 'A' }))).not.toBe(
    seedDigest(withPassword({ kind: 'file', path: 'A' })),
  )
  expect(seedDigest(exampleInstance({ raw: { password: 'a' } }))).toBe(
    seedDigest(exampleInstance({ raw: { password: 'b' } })),
  )
})
