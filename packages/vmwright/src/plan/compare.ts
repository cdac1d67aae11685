import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { formatBytes, MiB } from '../lib/units.ts'
import type { FieldChange, VmPlan } from './plan.ts'
import { hasVolume, volumeAt } from './volume-index.ts'

export interface Comparison {
  readonly fields: readonly FieldChange[]
  /** Volumes to grow, with the device they are in the guest. */
  readonly grow: readonly {
    readonly device: string
    readonly volume: VmPlan['root']
    readonly sizeBytes: number
  }[]
  /** Devices of disks that would shrink. */
  readonly shrink: readonly {
    readonly device: string
    readonly fromBytes: number
    readonly toBytes: number
  }[]
  /** Indexes of extra disks that the machine does not have yet. */
  readonly newExtras: readonly number[]
  readonly seedMissing: boolean
}

export const noDifference: Comparison = {
  fields: [],
  grow: [],
  shrink: [],
  newExtras: [],
  seedMissing: false,
}

/**
 * What differs between a machine and its spec, and how each difference can be made good. `seedDigest` is that of
 * the spec as it is now.
 */
export function compareVm(
  vm: VmPlan,
  observed: ObservedVm,
  host: ObservedHost,
  seedDigest: string,
): Comparison {
  const { instance } = vm
  const fields: FieldChange[] = []
  const differ = (
    field: string,
    from: string | number | boolean,
    to: string | number | boolean,
    how: FieldChange['how'],
  ): void => {
    if (from !== to) fields.push({ field, from: String(from), to: String(to), how })
  }

  differ('vcpus', observed.vcpus, instance.vcpus, 'restart')
  if (instance.vcpus > 1) differ('singleSocket', observed.singleSocket, instance.singleSocket, 'restart')
  differ('memory', `${observed.memoryMib} MiB`, `${instance.memoryMib} MiB`, 'restart')
  differ('autostart', observed.autostart, instance.autostart, 'in-place')
  differ('machine', machineFamily(observed.machine), machineFamily(instance.machine), 'restart')
  differ('firmware', observed.firmware, instance.firmware, 'replacement')
  if (instance.firmware === 'uefi')
    differ('secureBoot', observed.secureBoot, instance.secureBoot, 'replacement')

  const nics = observed.interfaces
  instance.interfaces.forEach((nic, index) => {
    const from = nics[index]
    const wanted = `${vm.networks[index]} ${nic.mac}`
    differ(
      `interfaces[${index}]`,
      from === undefined ? 'none' : `${from.network ?? 'other'} ${from.mac}`,
      wanted,
      'restart',
    )
  })
  nics.slice(instance.interfaces.length).forEach((nic, index) => {
    differ(
      `interfaces[${instance.interfaces.length + index}]`,
      `${nic.network ?? 'other'} ${nic.mac}`,
      'none',
      'restart',
    )
  })

  const mark = observed.mark
  if (mark !== undefined) {
    differ(instance.source.kind, mark.image.id, instance.source.id, 'replacement')
    differ(
      'pool',
      mark.volumes.find((volume) => volume.role === 'root')?.pool ?? vm.root.pool,
      vm.root.pool,
      'replacement',
    )
    if (mark.seed.digest !== seedDigest) {
      fields.push({
        field: 'cloudInit',
        from: mark.seed.digest.slice(0, 12),
        to: seedDigest.slice(0, 12),
        how: 'cloud-init',
      })
    }
  }

  const disks = compareDisks(vm, observed, host)
  for (const { device, sizeBytes, fromBytes } of disks.grow) {
    fields.push({
      field: `disk ${device}`,
      from: formatBytes(fromBytes),
      to: formatBytes(sizeBytes),
      how: 'in-place',
    })
  }
  for (const index of disks.newExtras) {
    const disk = instance.extraDisks[index]
    fields.push({
      field: `disk ${disk?.device ?? index}`,
      from: 'none',
      to: formatBytes((disk?.sizeMib ?? 0) * MiB),
      how: 'restart',
    })
  }
  // A lost disk is never made again silently: an empty disk in its place would look like success.
  for (const device of disks.missing)
    fields.push({ field: `disk ${device}`, from: 'missing', to: 'there', how: 'replacement' })
  const seedMissing = !hasVolume(host, vm.seed)
  if (seedMissing) fields.push({ field: 'seed', from: 'missing', to: vm.seed.name, how: 'in-place' })
  return { fields, grow: disks.grow, shrink: disks.shrink, newExtras: disks.newExtras, seedMissing }
}

function compareDisks(vm: VmPlan, observed: ObservedVm, host: ObservedHost) {
  const grow: (Comparison['grow'][number] & { readonly fromBytes: number })[] = []
  const shrink: Comparison['shrink'][number][] = []
  const newExtras: number[] = []
  const missing: string[] = []
  const wanted = [
    { device: 'vda', volume: vm.root, sizeMib: vm.instance.rootDisk.sizeMib, index: -1 },
    ...vm.instance.extraDisks.map((disk, index) => ({
      device: disk.device,
      volume: vm.extras[index] ?? vm.root,
      sizeMib: disk.sizeMib,
      index,
    })),
  ]
  for (const { device, volume, sizeMib, index } of wanted) {
    const attached = observed.disks.find((disk) => disk.kind === 'disk' && disk.device === device)
    if (attached === undefined) {
      if (index >= 0) newExtras.push(index)
      continue
    }
    // After an external snapshot the machine writes to another volume than the one it was made with.
    const current = volumeAt(host, attached.path)
    if (current === undefined) {
      missing.push(device)
      continue
    }
    const sizeBytes = sizeMib * MiB
    if (current.capacityBytes < sizeBytes) {
      grow.push({
        device,
        volume: { pool: volume.pool, name: current.name },
        sizeBytes,
        fromBytes: current.capacityBytes,
      })
    }
    if (current.capacityBytes > sizeBytes)
      shrink.push({ device, fromBytes: current.capacityBytes, toBytes: sizeBytes })
  }
  return { grow, shrink, newExtras, missing }
}

/** `pc-q35-7.2` and `q35` are one family: libvirt writes the version that it chose into the definition. */
const machineFamily = (machine: string): string =>
  ['q35', 'i440fx', 'virt'].find((family) => machine.includes(family)) ?? machine
