import { expect, it } from 'vitest'
import { parse } from 'yaml'
import type { CloudInitSpec } from '../spec/resolved-cloud-init.ts'
import { renderSeed, type SeedFiles } from './render.ts'
import { exampleCloudInit, exampleInstance, exampleSecrets, fullInstance } from './testing.ts'

const instanceId = 'web-1-0001'
const render = (cloudInit: Partial<CloudInitSpec> = {}, generated: object = { hostKeys: [] }): CloudConfig =>
  parsed(renderSeed({ instance: exampleInstance(cloudInit), instanceId, generated: generated as never }))

// oxlint-disable-next-line typescript/no-explicit-any
type CloudConfig = Record<string, any>
const parsed = (files: SeedFiles): CloudConfig => parse(files.userData, { version: '1.1' }) as CloudConfig

it('C7, C9, X6: the seed of an instance that uses everything', async () => {
  const files = renderSeed({ instance: fullInstance, instanceId, generated: exampleSecrets })
  await expect(files.userData).toMatchFileSnapshot('golden/full.user-data.golden.yaml')
  await expect(files.metaData).toMatchFileSnapshot('golden/full.meta-data.golden.yaml')
  await expect(files.networkConfig).toMatchFileSnapshot('golden/full.network-config.golden.yaml')
})

it('C7: the seed of an instance that uses nothing', async () => {
  const files = renderSeed({ instance: exampleInstance(), instanceId, generated: { hostKeys: [] } })
  await expect(files.userData).toMatchFileSnapshot('golden/plain.user-data.golden.yaml')
})

it('the sealed seed of an instance that uses everything', async () => {
  const files = renderSeed({ instance: fullInstance, instanceId, generated: 'sealed' })
  await expect(files.userData).toMatchFileSnapshot('golden/sealed.user-data.golden.yaml')
})

it('a sealed seed has no secret and is the same instance to cloud-init', () => {
  const open = renderSeed({ instance: fullInstance, instanceId, generated: exampleSecrets })
  const sealed = renderSeed({ instance: fullInstance, instanceId, generated: 'sealed' })
  for (const secret of ['user-hash', 'root-hash', 'private-ed25519', 'private-ecdsa', 'token-in-a-file']) {
    expect(open.userData).toContain(secret)
    expect(sealed.userData).not.toContain(secret)
  }
  expect(sealed.metaData).toBe(open.metaData)
  expect(sealed.networkConfig).toBe(open.networkConfig)
})

it('a sealed seed keeps what cloud-init does at every boot, and would not touch keys or passwords', () => {
  const sealed = parsed(renderSeed({ instance: fullInstance, instanceId, generated: 'sealed' }))
  expect(sealed).toMatchObject({
    hostname: 'web-1',
    manage_etc_hosts: true,
    bootcmd: ['echo booting'],
    growpart: { mode: 'auto' },
    final_message: 'ready at $TIMESTAMP',
    ssh_deletekeys: false,
    users: [{ name: 'debian', lock_passwd: false }],
  })
  expect(sealed).not.toHaveProperty('chpasswd')
})

it('secrets inside raw do not stay in a sealed seed', () => {
  const raw = {
    chpasswd: { users: [{ name: 'a', password: 'canary-1' }] },
    users: [{ name: 'b', plain_text_passwd: 'canary-2', hashed_passwd: 'canary-3', passwd: 'canary-4' }],
    ssh_keys: { rsa_private: 'canary-5' },
    password: 'canary-6',
  }
  const instance = exampleInstance({ raw })
  expect(renderSeed({ instance, instanceId, generated: { hostKeys: [] } }).userData).toContain('canary-5')
  expect(renderSeed({ instance, instanceId, generated: 'sealed' }).userData).not.toContain('canary')
})

const literal = { kind: 'env', name: 'X' } as const
it.each([
  ['no password', { password: undefined, hashedPassword: undefined }, true],
  ['a password', { password: literal, hashedPassword: undefined }, false],
  ['a hashed password', { password: undefined, hashedPassword: literal }, false],
])('C7: the account is locked only without a password: %s', (_what, passwords, locked) => {
  const user = { ...exampleCloudInit.user, ...passwords }
  expect(render({ user })['users'][0].lock_passwd).toBe(locked)
})

it('C7: user and own keys are both let in, each once', () => {
  const [own] = exampleCloudInit.user.sshKeys
  expect(render({}, { hostKeys: [], ownKey: own })['users'][0].ssh_authorized_keys).toEqual([own])
  expect(render({}, { hostKeys: [], ownKey: 'ssh-ed25519 B me' })['users'][0].ssh_authorized_keys).toEqual([
    own,
    'ssh-ed25519 B me',
  ])
})

it('X6: host keys given make cloud-init delete the image’s and generate none', () => {
  const config = render({}, exampleSecrets)
  expect(config['ssh_deletekeys']).toBe(true)
  expect(Object.keys(config['ssh_keys'])).toEqual([
    'ed25519_private',
    'ed25519_public',
    'ecdsa_private',
    'ecdsa_public',
  ])
  expect(config['ssh_keys'].ed25519_private).toBe(exampleSecrets.hostKeys[0]?.privateKey.reveal())
  expect(render()).not.toHaveProperty('ssh_keys')
  expect(render()['ssh_genkeytypes']).toEqual(['ed25519', 'ecdsa'])
})

it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  ['adds a key', { swap: { size: '1G' } }, { swap: { size: '1G' } }],
  ['replaces a scalar', { timezone: 'Europe/Berlin' }, { timezone: 'Europe/Berlin' }],
  ['replaces a list', { packages: ['b'] }, { packages: ['b'] }],
  ['merges mappings', { apt: { b: { d: 2 } } }, { apt: { a: 1, b: { c: 1, d: 2 } } }],
  ['replaces a mapping by a scalar', { apt: 'x' }, { apt: 'x' }],
])('C7: raw %s', (_what, raw, want) => {
  expect(render({ packages: ['a'], apt: { a: 1, b: { c: 1 } }, raw })).toMatchObject(want)
})

it('C7: null in raw takes a key away', () => {
  expect(render({ raw: { locale: null, apt: { a: null } }, apt: { a: 1, b: 2 } })).not.toHaveProperty(
    'locale',
  )
  expect(render({ raw: { apt: { a: null } }, apt: { a: 1, b: 2 } })['apt']).toEqual({ b: 2 })
})

it('C9: disks without a mount, or none at all, are left alone', () => {
  const disk = { device: 'vdb', sizeMib: 1, format: 'qcow2', extension: 'qcow2', mount: undefined } as const
  const files = renderSeed({
    instance: exampleInstance({}, { extraDisks: [disk] }),
    instanceId,
    generated: { hostKeys: [] },
  })
  for (const key of ['disk_setup', 'fs_setup', 'mounts']) expect(parsed(files)).not.toHaveProperty(key)
})

it('C9: an XFS label is cut to the 12 characters that XFS has', () => {
  const mount = { path: '/x', filesystem: 'xfs', options: 'defaults', label: 'a-long-name-vdb' } as const
  const disk = { device: 'vdb', sizeMib: 1, format: 'qcow2', extension: 'qcow2', mount } as const
  const instance = exampleInstance({}, { extraDisks: [disk] })
  const config = parsed(renderSeed({ instance, instanceId, generated: { hostKeys: [] } }))
  expect(config['fs_setup'][0].label).toBe('a-long-name-')
})

it('the same input renders the same text', () => {
  const input = { instance: fullInstance, instanceId, generated: exampleSecrets } as const
  expect(renderSeed(input)).toEqual(renderSeed(structuredCloneOf(input)))
})

const structuredCloneOf = (input: Parameters<typeof renderSeed>[0]): typeof input => ({
  ...input,
  instance: { ...input.instance },
})
