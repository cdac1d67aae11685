import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { VmDefinition } from '../contract.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { isUp } from './guests.ts'
import { removeSnapshots } from './snapshots.ts'
import { createFakeVm, type FakeVm, type FakeWorld } from './world.ts'

export async function defineVm(
  context: FakeContext,
  progress: Progress,
  definition: VmDefinition,
): Promise<void> {
  const { world } = context
  const wanted = await context.look(progress, 'lookupVm', definition.name, () => asDefined(world, definition))
  if (context.same(world.vms[definition.name], wanted)) return copyVariables(context, progress, definition)
  await context.change(progress, 'defineVm', definition.name, () =>
    daemon.defineVm(world, asDefined(world, definition)),
  )
  await copyVariables(context, progress, definition)
}

/** A clone of a UEFI machine has its boot entries before it ever ran. */
async function copyVariables(context: FakeContext, progress: Progress, vm: VmDefinition): Promise<void> {
  const { world } = context
  const basis = vm.basis === undefined ? undefined : world.vms[vm.basis]
  if (basis?.firmwareVariables !== true || world.vms[vm.name]?.firmwareVariables !== false) return
  await context.change(progress, 'copyFirmwareVariables', vm.name, () => {
    daemon.vmNamed(world, vm.name).firmwareVariables = true
  })
}

/**
 * The machine after the definition; what is not part of one stays as it is. One with a basis takes firmware, machine
 * type and the devices of its disks from there, once.
 */
function asDefined(world: FakeWorld, definition: VmDefinition): FakeVm {
  const { disks, seed, basis, ...facts } = structuredClone(definition)
  const found = Object.values(world.vms).find((vm) => vm.id === definition.id)
  const isBased = basis !== undefined || facts.mark.image.kind === 'template'
  const template = basis === undefined || found !== undefined ? undefined : daemon.vmNamed(world, basis)
  const model = isBased ? (found ?? template) : undefined
  const devices = model?.disks.filter(({ kind }) => kind === 'disk').map(({ device }) => device) ?? []
  const isByDevice = devices.every((device) => disks.some((disk) => disk.device === device))
  const seedDevice = definition.mark.volumes.find(({ role }) => role === 'seed')?.device ?? 'sda'
  return {
    ...createFakeVm(definition.name),
    ...found,
    ...facts,
    ...(model && { machine: model.machine, firmware: model.firmware, secureBoot: model.secureBoot }),
    interfaces: [...facts.interfaces],
    disks: [
      ...disks.map(({ device, volume, format }, index) => ({
        device: isByDevice ? device : (devices[index] ?? device),
        path: daemon.pathOf(daemon.poolNamed(world, volume.pool), volume),
        kind: 'disk' as const,
        format,
      })),
      ...(seed === undefined ? [] : [seed]).map(({ volume, bus }) => ({
        device: seedDevice,
        path: daemon.pathOf(daemon.poolNamed(world, volume.pool), volume),
        kind: bus === 'virtio' ? ('disk' as const) : ('cdrom' as const),
        format: 'raw',
      })),
    ],
  }
}

export async function startVm(context: FakeContext, progress: Progress, name: string): Promise<void> {
  const { world, seam } = context
  const vm = await context.look(progress, 'lookupVm', name, () => ({ ...daemon.vmNamed(world, name) }))
  if (vm.state === 'running') return
  if (vm.state === 'paused')
    return context.change(progress, 'resumeVm', name, () => {
      daemon.vmNamed(world, name).state = 'running'
    })
  await context.change(progress, 'startVm', name, () => daemon.startVm(world, name, seam.nowMs()))
}

export async function stopVm(
  context: FakeContext,
  progress: Progress,
  name: string,
  how: 'graceful' | 'force',
): Promise<void> {
  const { world, seam } = context
  const isStopped = (): Promise<true | undefined> =>
    context.look(progress, 'lookupVm', name, () => {
      const vm = world.vms[name]
      return vm === undefined || !isUp(vm) ? true : undefined
    })
  if (await isStopped()) return
  if (how === 'force') {
    await context.change(progress, 'destroyVm', name, () => daemon.destroyVm(world, name))
    return
  }
  await context.change(progress, 'shutdownVm', name, () => daemon.askToShutDown(world, name, seam.nowMs()))
  await progress.poll({ everyMs: 500, what: `${name} to shut down` }, isStopped)
}

export async function undefineVm(context: FakeContext, progress: Progress, name: string): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => world.vms[name])
  if (vm === undefined) return
  if (isUp(vm)) throw daemon.refuse(`undefine machine ${name}: it runs`)
  await removeSnapshots(context, progress, name)
  if (vm.savedState) {
    await context.change(progress, 'removeSavedState', name, () => daemon.removeSavedState(world, name))
  }
  await context.change(progress, 'undefineVm', name, () => daemon.undefineVm(world, name))
}

/** The guest that is tried leaves nothing behind, so that it is no mutation. */
export function probeAcceleration(context: FakeContext, progress: Progress): Promise<'kvm' | 'emulation'> {
  const { world } = context
  return context.look(progress, 'probeAcceleration', world.host, () => {
    if (world.acceleration !== 'none') return world.acceleration
    throw new ProvisionError('host.no-acceleration', {
      message: `No guest starts on ${world.host}, neither with KVM nor with emulation.`,
    })
  })
}
