import type { ObservedVm } from '../hypervisor/contract.ts'
import { formatBytes } from '../lib/units.ts'
import { StepChain } from './builder.ts'
import type { Comparison } from './compare.ts'
import { addPool } from './creation.ts'
import { type InstanceContext, networkStepsOf } from './decision.ts'
import { seedName } from './vm-plan.ts'
import { hasVolume } from './volume-index.ts'

export interface ChangeSteps {
  /** What the start of the machine has to wait for. */
  readonly last: readonly string[]
  /** The machine is shut down on the way. */
  readonly stops: boolean
}

/**
 * The steps that bring an existing machine's definition, disks and seed to the spec. A new seed means a new identity
 * in the guest: the snapshot of the spec holds the old one, so it goes here and is made again after the first boot.
 */
export function addChanges(
  context: InstanceContext,
  observed: ObservedVm,
  comparison: Comparison,
  asked: { readonly reseed: boolean; readonly restart: boolean; readonly reseal: boolean },
): ChangeSteps {
  const { vm, builder, facts } = context
  const { instance } = vm
  const place = { host: instance.host, instance: instance.name }
  const chain = new StepChain(builder, place, [...networkStepsOf(context), ...addPool(context)])
  const restartFields = comparison.fields
    .filter((field) => field.how === 'restart')
    .map((field) => field.field)
  const stops = (asked.reseed || asked.restart) && observed.state === 'running'

  if (stops) {
    const reason = asked.reseed ? 'a new seed is read at the next start' : 'asked for by --restart'
    chain.next('stop-vm', { how: 'graceful' }, `shut down ${instance.name}`, reason)
  }
  for (const disk of comparison.newExtras) {
    const { device, volume } = disk
    const existing = hasVolume(facts.observed, volume) ? 'keep' : 'replace'
    chain.next(
      'create-disk',
      { vm, disk, existing },
      `create disk ${volume.name}`,
      `there is no disk ${device}`,
      device,
    )
  }
  if (asked.reseed) {
    const snapshot = instance.snapshot?.name
    if (snapshot !== undefined && observed.snapshots.includes(snapshot)) {
      chain.next(
        'delete-snapshot',
        { snapshot },
        `delete snapshot ${snapshot}`,
        'it holds the old identity; it is made again',
        snapshot,
      )
    }
    chain.next(
      'define-vm',
      { vm, mode: 'reseed' },
      `give ${instance.name} a new identity`,
      'new instance-id and host keys',
    )
    chain.next('write-seed', { vm }, `write ${seedName(vm)}`, 'new instance-id and host keys')
  } else {
    if (restartFields.length > 0) {
      chain.next(
        'define-vm',
        { vm, mode: 'update' },
        `change the definition of ${instance.name}`,
        restartFields.join(', '),
      )
    }
    if (comparison.seedMissing || asked.reseal) {
      const reason = comparison.seedMissing
        ? 'it is missing'
        : 'an interrupted run may have left it half written'
      chain.next('seal-seed', { vm }, `write ${seedName(vm)} again`, reason)
    }
  }
  if (comparison.fields.some((field) => field.field === 'autostart')) {
    const autostart = instance.autostart ? 'on' : 'off'
    chain.next('set-autostart', { autostart }, `turn autostart ${autostart}`, 'the spec says so')
  }
  for (const { device, volume, sizeBytes } of comparison.grow) {
    chain.next(
      'grow-disk',
      { vm, device, volume, sizeBytes },
      `grow disk ${device} to ${formatBytes(sizeBytes)}`,
      'the spec says so',
      device,
    )
  }
  return { last: chain.last, stops }
}
