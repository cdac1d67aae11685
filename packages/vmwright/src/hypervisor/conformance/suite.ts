import { errorCatalogue } from '@vmwright/contract'
import { expect } from 'vitest'
import { isProvisionError } from '../../lib/errors.ts'
import { sha256Hex, uuidFromNames } from '../../lib/hash.ts'
import type { Progress } from '../../lib/progress.ts'
import { GiB } from '../../lib/units.ts'
import type { Hypervisor, ObservedVm, ObservedVolume, VmDefinition, VmMark, VolumeRef } from '../contract.ts'

export interface HypervisorUnderTest {
  readonly host: Hypervisor
  readonly progress: Progress
  /** A folder on the host for the suite's own pool; it need not exist. */
  readonly poolPath: string
  /** Begins every name that the suite makes. */
  readonly prefix: string
  /** Removes the pool; machines and volumes are gone by then. */
  cleanup(): Promise<void>
}

export type Suite = ReturnType<typeof createSuite>

export function createSuite({ host, progress, poolPath, prefix, cleanup }: HypervisorUnderTest) {
  const pool = `${prefix}pool`
  const name = (what: string): string => `${prefix}${what}`
  const volume = (what: string): VolumeRef => ({ pool, name: name(what) })
  const observePool = async () => {
    const found = (await host.observe(progress)).pools.find((other) => other.name === pool)
    if (found === undefined) throw new Error(`the suite's pool ${pool} is not seen`)
    return found
  }
  return {
    host,
    progress,
    pool,
    poolPath,
    prefix,
    cleanup,
    name,
    volume,
    observePool,
    findVolume: async (ref: VolumeRef): Promise<ObservedVolume | undefined> =>
      (await observePool()).volumes.find((other) => other.name === ref.name),
    findVm: async (vm: string): Promise<ObservedVm | undefined> =>
      (await host.observe(progress)).vms.find((other) => other.name === vm),
    /** Makes disk and seed, and defines a machine of 64 MiB on the first active network, if there is one. */
    async machine(what: string, overrides: Partial<VmDefinition> = {}): Promise<VmDefinition> {
      const network = (await host.observe(progress)).networks.find((other) => other.active)?.name
      const [root, seed] = [volume(`${what}.qcow2`), volume(`${what}.iso`)]
      const definition: VmDefinition = {
        name: name(what),
        basis: undefined,
        id: uuidFromNames('conformance', name(what)),
        mark: markOf(name(what), root, seed),
        acceleration: 'emulation',
        vcpus: 1,
        singleSocket: true,
        memoryMib: 64,
        machine: 'q35',
        firmware: 'bios',
        secureBoot: false,
        disks: [{ volume: root, device: 'vda', format: 'qcow2' }],
        seed: { volume: seed, bus: 'scsi' },
        interfaces: network === undefined ? [] : [{ mac: macOf(what), network }],
        ...overrides,
      }
      await host.createDisk(progress, emptyDisk(root, GiB))
      await host.writeVolume(progress, seed, new Uint8Array(64 * 1024))
      await host.defineVm(progress, definition)
      return definition
    },
  }
}

export const rootOf = (vm: VmDefinition): VolumeRef => {
  const root = vm.disks[0]?.volume
  if (root === undefined) throw new Error(`${vm.name} has no disk`)
  return root
}

export const emptyDisk = (ref: VolumeRef, sizeBytes: number) =>
  ({ ...ref, sizeBytes, format: 'qcow2', base: undefined, existing: 'keep' }) as const

const macOf = (what: string): string =>
  `52:54:00:${sha256Hex(what)
    .slice(0, 6)
    .replace(/(..)(..)/, '$1:$2:')}`

const markOf = (instance: string, root: VolumeRef, seed: VolumeRef): VmMark => ({
  project: 'conformance',
  instance,
  stage: 'creating',
  image: { kind: 'image', id: 'none', digest: 'sha256:0' },
  volumes: [
    { ...root, role: 'root', device: 'vda' },
    { ...seed, role: 'seed', device: 'sda' },
  ],
  seed: { instanceId: 'i-1', digest: 'sha256:1', sealed: false },
  hostKeys: ['ssh-ed25519 AAAA'],
  user: 'debian',
})

export async function removeAll({ host, progress, prefix, pool, observePool }: Suite): Promise<void> {
  for (const { name } of (await host.observe(progress)).vms.filter((vm) => vm.name.startsWith(prefix))) {
    await host.stopVm(progress, name, 'force')
    await host.undefineVm(progress, name)
  }
  for (const { name } of (await observePool()).volumes) await host.deleteVolume(progress, { pool, name })
  expect((await observePool()).volumes).toEqual([])
}

/** Every failure of a driver has a code of the catalogue; without `code` any of them will do. It names the object. */
export async function expectCode(
  call: Promise<unknown>,
  code: string | undefined,
  object: string,
): Promise<void> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isProvisionError(error)) throw new Error(`expected an error with a code, got ${String(error)}`)
  expect(code === undefined ? Object.keys(errorCatalogue) : [code]).toContain(error.code)
  expect(`${error.message} ${JSON.stringify(error.details)}`).toContain(object)
}
