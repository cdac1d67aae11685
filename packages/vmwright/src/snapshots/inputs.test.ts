import { describe, expect, it } from 'vitest'
import { Secret } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { defaultLifecycle, type LifecycleSpec } from '../spec/resolved-lifecycle.ts'
import { cloneSpec, instanceSpec } from '../testing/specs.ts'
import { layerInputsOf } from './inputs.ts'
import { layerKeys } from './keys.ts'
import { layerNames } from './layers.ts'

const plain = instanceSpec('web')
const [nic] = plain.interfaces
const lifecycle = (overrides: Partial<LifecycleSpec>): Partial<InstanceSpec> => ({
  lifecycle: { ...defaultLifecycle('/results'), ...overrides },
})
const keysOf = (instance: InstanceSpec, base = 'image:sha256:aa') =>
  layerKeys(layerInputsOf(instance, base, {}))

const changedLayers = (before: InstanceSpec, after: InstanceSpec): readonly string[] => {
  const [one, other] = [keysOf(before), keysOf(after)]
  return layerNames.filter((layer) => one[layer].key !== other[layer].key)
}

describe('layerInputsOf', () => {
  it.each<[string, Partial<InstanceSpec>]>([
    ['memory', { memoryMib: 2048 }],
    ['vCPUs', { vcpus: 4 }],
    ['sockets', { singleSocket: false }],
    ['the machine type', { machine: 'pc' }],
    ['firmware', { firmware: 'bios' }],
    ['Secure Boot', { secureBoot: true }],
    ['the architecture', { processor: { architecture: 'aarch64', model: undefined, emulator: undefined } }],
    ['the CPU', { processor: { architecture: undefined, model: 'qemu64', emulator: undefined } }],
    ['the size of the root disk', { rootDisk: { ...plain.rootDisk, sizeMib: 20_480 } }],
    [
      'a second disk',
      { extraDisks: [{ device: 'vdb', sizeMib: 1024, format: 'raw', extension: 'raw', mount: undefined }] },
    ],
    ['a second interface', { interfaces: [nic, { ...nic, mac: '52:54:00:00:00:02' }] }],
    ['the network of an interface', { interfaces: [{ ...nic, network: 'lab' }] }],
    [
      'an address that the guest is told',
      { interfaces: [{ ...nic, dhcp4: false, addresses: ['10.0.0.7/24'] }] },
    ],
    ['the user', { cloudInit: { ...plain.cloudInit, user: { ...plain.cloudInit.user, name: 'ada' } } }],
    ['on which boots cloud-init runs', lifecycle({ cloudInit: 'every-boot' })],
    ['packages', { cloudInit: { ...plain.cloudInit, packages: ['git'] } }],
    [
      'the customisation of the image',
      {
        source: {
          kind: 'image',
          id: 'debian-12',
          customise: {
            rootKeys: [],
            certificates: [],
            install: ['git'],
            remove: [],
            commands: [],
            network: 'netplan',
            interfaces: ['enp1s0'],
          },
        },
      },
    ],
  ])('G8: %s changes all layers', (_, change) => {
    expect(changedLayers(plain, instanceSpec('web', change))).toEqual(['clean', 'dependencies', 'init'])
  })

  it('G8: the content of the image changes all layers', () => {
    expect(keysOf(plain).clean.key).not.toBe(keysOf(plain, 'image:sha256:bb').clean.key)
  })

  const connection = defaultLifecycle('/results').connection
  it.each<[string, Partial<InstanceSpec>]>([
    ['a variable', lifecycle({ variables: { a: 1 } })],
    ['the environment', lifecycle({ environment: { A: '1' } })],
    ['the reference of a secret', lifecycle({ secrets: { T: { kind: 'env', name: 'T' } } })],
    [
      'the kind of connection',
      lifecycle({ connection: { kind: 'agent', timeoutMs: 1, wait: 'connection' } }),
    ],
    [
      'its user',
      lifecycle({
        connection: {
          ...connection,
          kind: 'ssh',
          user: 'ada',
          password: undefined,
          identityFile: undefined,
          port: 22,
          jump: [],
        },
      }),
    ],
    ['the place in the matrix', { matrix: { platform: 'debian-12', target: 'amd64' } }],
  ])('G8: %s leaves the clean layer as it is', (_, change) => {
    expect(changedLayers(plain, instanceSpec('web', change))).toEqual(['dependencies', 'init'])
  })

  it.each<[string, Partial<InstanceSpec>]>([
    ['the host', { host: 'other' }],
    ['the pool', { pool: 'other' }],
    ['how the disk shares blocks', { rootDisk: { ...plain.rootDisk, mode: 'copy', extension: 'img' } }],
    ['a lease', { interfaces: [{ ...nic, leases: ['10.0.0.7'] }] }],
    ['readiness', { ready: { ...plain.ready, port: 2222 } }],
    ['the snapshot of `apply`', { snapshot: undefined }],
    ['autostart', { autostart: true }],
    ['whether it may be made anew', { disposable: true }],
    [
      'what belongs to the run and not to what it leaves',
      lifecycle({
        allowed: ['main'],
        memory: 'never',
        phaseTimeoutMs: 1,
        shutdown: { attempts: 1, delayMs: 1 },
        resultsFolder: '/elsewhere',
        revision: { kind: 'fixed', value: '7' },
        connection: { ...connection, timeoutMs: 1, wait: 'port' },
      }),
    ],
    ['how long it is waited', lifecycle({ connection: { ...connection, timeoutMs: 1 } })],
  ])('G8: %s changes no layer', (_, change) => {
    expect(changedLayers(plain, instanceSpec('web', change))).toEqual([])
  })

  it('G8: the hardware of a clone is that of its template', () => {
    const says = { machine: 'pc', firmware: 'bios' } as const
    expect(changedLayers(cloneSpec('web'), cloneSpec('web', says))).toEqual([])
    expect(changedLayers(cloneSpec('web'), cloneSpec('web', { memoryMib: 4096 }))).toHaveLength(3)
  })

  it('G8: no secret that stands in the spec is part of the inputs, in whatever form', () => {
    const of = (value: string) =>
      layerInputsOf(
        instanceSpec('web', lifecycle({ secrets: { T: { kind: 'literal', value: new Secret(value) } } })),
        'image:sha256:aa',
        {},
      )
    expect(of('one')).toEqual(of('two'))
    expect(JSON.stringify(of('one'))).toContain('"T":"literal"')
  })
})
