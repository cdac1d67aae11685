import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listCache } from '../../packages/vmwright/src/engine/cache/guest-layers.ts'
import { presentKeys } from '../../packages/vmwright/src/engine/cache/present-keys.ts'
import { pruneCache } from '../../packages/vmwright/src/engine/cache/prune.ts'
import { servicesFor } from '../../packages/vmwright/src/engine/testing.ts'
import type { VmMark } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { createFakeWorld } from '../../packages/vmwright/src/hypervisor/fake/world.ts'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { KiB, MiB } from '../../packages/vmwright/src/lib/units.ts'
import { decide } from '../../packages/vmwright/src/snapshots/decide.ts'
import { writeNote } from '../../packages/vmwright/src/snapshots/note.ts'
import type { InstanceSpec } from '../../packages/vmwright/src/spec/resolved.ts'
import {
  defaultLifecycle,
  lifecycleActions,
  type PhaseStep,
} from '../../packages/vmwright/src/spec/resolved-lifecycle.ts'
import { instanceSpec, resolvedSpec } from '../../packages/vmwright/src/testing/specs.ts'
import { hostSpec, openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)
const project = 'cache-contract'

let test: TestHost
let pool: string
beforeAll(async () => {
  test = await openTestHost('cache')
  pool = `${test.prefix}pool`
  await test.host.ensurePool(test.progress, { name: pool, path: join(test.folder, 'pool') })
})
afterAll(() => test[Symbol.asyncDispose]())

const shell = (command: string): PhaseStep => ({
  kind: 'shell',
  title: command,
  command,
  directory: undefined,
  exitCodes: [0],
  timeoutMs: undefined,
  environment: {},
  user: undefined,
})

const guest = (name: string, init: string, dependencies = 'some'): InstanceSpec =>
  instanceSpec(`${test.prefix}${name}`, {
    host: 'test',
    lifecycle: {
      ...defaultLifecycle('/results'),
      phases: { dependencies: [shell(dependencies)], init: [shell(init)] },
    },
  })

const markOf = (instance: InstanceSpec, file: string): VmMark => ({
  project,
  instance: instance.name,
  stage: 'provisioned',
  image: { kind: 'image', id: 'none', digest: 'none' },
  volumes: [{ pool, name: file, role: 'root', device: 'vda' }],
  seed: { instanceId: 'i', digest: 'd', sealed: false },
  hostKeys: [],
  user: 'root',
})

const diskOf = async (vm: string): Promise<string> =>
  (await virsh('domblklist', vm))
    .split('\n')
    .find((line) => line.includes('vda'))
    ?.trim()
    .split(/\s+/)[1] ?? ''

/** In place of what phases do to a disk. */
const write = async (vm: string, pattern: number): Promise<void> => {
  const file = await diskOf(vm)
  await run('qemu-io', [
    '-f',
    file.endsWith('.raw') ? 'raw' : 'qcow2',
    '-c',
    `write -P ${pattern} 0 4k`,
    file,
  ])
}
const holds = async (vm: string, pattern: number): Promise<boolean> => {
  const { stdout } = await run('qemu-io', [
    '-r',
    '-f',
    'qcow2',
    '-c',
    `read -P ${pattern} 0 4k`,
    await diskOf(vm),
  ])
  return !stdout.includes('Pattern verification failed')
}

/** Other tests may have the lock of the host. */
const lockedMs = 300_000

const content = { clean: 1, dependencies: 2, init: 3, main: 9 } as const

/** A run without a guest: what it would restore is restored, what phases would do is written. */
async function follow(instance: InstanceSpec, mark: VmMark) {
  const { host, progress } = test
  const keys = await presentKeys(progress, instance, mark)
  if (typeof keys === 'string') throw new Error(keys)
  const { restore, create } = decide({
    project,
    revision: instance.lifecycle.revision,
    allowed: lifecycleActions,
    keys,
    phases: ['dependencies', 'init', 'main'],
    observed: await host.listSnapshots(progress, instance.name),
    memory: false,
  })
  let isWhole = true
  if (restore !== undefined) {
    for (const name of restore.over) await host.deleteSnapshot(progress, instance.name, name)
    await host.restoreSnapshot(progress, instance.name, restore.snapshot)
    isWhole = await holds(instance.name, content[restore.layer])
  }
  for (const { layer, snapshot, note } of create) {
    await write(instance.name, content[layer])
    await host.createSnapshot(progress, instance.name, {
      name: snapshot,
      description: layer,
      note: writeNote(note),
    })
  }
  await write(instance.name, content.main)
  return { restored: restore?.layer, isWhole, created: create.map(({ layer }) => layer).join(' ') }
}

async function define(instance: InstanceSpec, format: 'qcow2' | 'raw'): Promise<VmMark> {
  const { host, progress } = test
  const volume = { pool, name: `${instance.name}.${format}` }
  const seed = { pool, name: `${instance.name}.iso` }
  const mark = markOf(instance, volume.name)
  await host.createDisk(progress, {
    ...volume,
    sizeBytes: 4 * MiB,
    format,
    base: undefined,
    existing: 'keep',
  })
  await host.writeVolume(progress, seed, new Uint8Array(64 * KiB))
  await host.defineVm(progress, {
    name: instance.name,
    basis: undefined,
    id: uuidFromNames('cache', instance.name),
    mark,
    acceleration: 'emulation',
    vcpus: 1,
    singleSocket: true,
    memoryMib: 64,
    machine: 'q35',
    firmware: 'bios',
    secureBoot: false,
    interfaces: [],
    disks: [{ volume, device: 'vda', format }],
    seed: { volume: seed, bus: 'scsi' },
  })
  return mark
}

const cacheOf = (instance: InstanceSpec) => {
  const spec = resolvedSpec([instance], { project, hosts: [hostSpec()] })
  return {
    spec,
    instances: spec.instances,
    services: { ...servicesFor(createFakeWorld()), openHost: openLibvirtHost },
  }
}

const pruneAll = (instance: InstanceSpec) =>
  pruneCache(test.progress, {
    ...cacheOf(instance),
    limits: { all: true, olderThanMs: undefined, keep: undefined, maxBytes: undefined, layers: [] },
    how: 'remove',
    holder: 'contract test',
    lockTimeoutMs: lockedMs,
  })

const snapshotsOf = async (vm: string): Promise<readonly string[]> =>
  (await virsh('snapshot-list', vm, '--name')).split('\n').filter((line) => line !== '')

describe('layers of stopped machines', () => {
  it.each(['qcow2', 'raw'] as const)(
    'G2, G8: with a %s disk are restored, made again from the one below, listed and pruned',
    { timeout: lockedMs },
    async (format) => {
      const [first, edited] = [guest(format, 'one'), guest(format, 'two')]
      const other = guest(format, 'two', 'others')
      const mark = await define(first, format)
      try {
        expect([
          await follow(first, mark),
          await follow(first, mark),
          await follow(edited, mark),
          await follow(edited, mark),
          await follow(other, mark),
        ]).toEqual([
          { restored: undefined, isWhole: true, created: 'clean dependencies init' },
          { restored: 'init', isWhole: true, created: '' },
          { restored: 'dependencies', isWhole: true, created: 'init' },
          { restored: 'init', isWhole: true, created: '' },
          { restored: 'clean', isWhole: true, created: 'dependencies init' },
        ])
        const { guests } = await listCache(test.progress, cacheOf(other))
        const current = guests[0]?.layers.filter(({ state }) => state === 'current')
        expect(current?.map(({ layer }) => layer)).toEqual(['clean', 'dependencies', 'init'])
        const { failed } = await pruneAll(other)
        expect([...failed.values()]).toEqual([])
        expect(await snapshotsOf(first.name)).toEqual([])
      } finally {
        await test.host.undefineVm(test.progress, first.name)
      }
    },
  )

  it("G2: stay under somebody else's external snapshot", { timeout: lockedMs }, async () => {
    const instance = guest('under', 'one')
    const mark = await define(instance, 'raw')
    try {
      await follow(instance, mark)
      await virsh('snapshot-create-as', instance.name, 'by-hand', '--disk-only')
      const { plan } = await pruneAll(instance)
      expect(plan.remove).toEqual([])
      expect(plan.keep[0]?.because).toBe('Its files lie under those of by-hand, which stays.')
      expect((await snapshotsOf(instance.name)).length).toBe(4)
    } finally {
      await test.host.undefineVm(test.progress, instance.name)
    }
  })
})
