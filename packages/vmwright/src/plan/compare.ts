import type { ObservedHost, ObservedVm, VmMark, VolumeRef } from '../hypervisor/contract.ts'
import { formatBytes } from '../lib/units.ts'
import { inputsDigest } from './inputs-digest.ts'
import type { FieldChange } from './plan.ts'
import type { DiskPlan, VmPlan } from './vm-plan.ts'
import { hasVolume, volumeAt } from './volume-index.ts'

export interface Comparison {
  readonly fields: readonly FieldChange[]
  /** Volumes to grow, with the device they are in the guest. */
  readonly grow: readonly {
    readonly device: string
    readonly volume: VolumeRef
    readonly sizeBytes: number
  }[]
  /** Devices of disks that would shrink. */
  readonly shrink: readonly {
    readonly device: string
    readonly fromBytes: number
    readonly toBytes: number
  }[]
  /** Empty disks that the machine does not have yet. */
  readonly newExtras: readonly DiskPlan[]
  readonly seedMissing: boolean
}

export const noDifference: Comparison = {
  fields: [],
  grow: [],
  shrink: [],
  newExtras: [],
  seedMissing: false,
}

/** What differs between a machine (`asMade`) and its spec, and how each difference can be made good. */
export function compareVm(vm: VmPlan, observed: ObservedVm, host: ObservedHost): Comparison {
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
  differ('machine', machineFamily(observed.machine), machineFamily(vm.machine), 'restart')
  differ('firmware', observed.firmware, vm.firmware, 'replacement')
  if (vm.firmware === 'uefi') differ('secureBoot', observed.secureBoot, vm.secureBoot, 'replacement')

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
    compareSource(vm, mark, fields)
    differ(
      'pool',
      mark.volumes.find((volume) => volume.role === 'root')?.pool ?? vm.pool,
      vm.pool,
      'replacement',
    )
    const digest = inputsDigest(vm)
    if (mark.seed.digest !== digest) {
      const isSeeded = vm.seed !== undefined
      fields.push({
        field: isSeeded ? 'cloudInit' : 'identity',
        from: mark.seed.digest.slice(0, 12),
        to: digest.slice(0, 12),
        how: isSeeded ? 'cloud-init' : 'replacement',
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
  for (const { device, sizeBytes } of disks.newExtras)
    fields.push({ field: `disk ${device}`, from: 'none', to: formatBytes(sizeBytes ?? 0), how: 'restart' })
  // A lost disk is never made again silently: an empty disk in its place would look like success.
  for (const device of disks.missing)
    fields.push({ field: `disk ${device}`, from: 'missing', to: 'there', how: 'replacement' })
  const seedMissing = vm.seed !== undefined && !hasVolume(host, vm.seed)
  if (seedMissing) fields.push({ field: 'seed', from: 'missing', to: vm.seed?.name ?? '', how: 'in-place' })
  return { fields, grow: disks.grow, shrink: disks.shrink, newExtras: disks.newExtras, seedMissing }
}

/** What it was made of: another image, another template, or one in place of the other. */
function compareSource({ instance }: VmPlan, { image }: VmMark, fields: FieldChange[]): void {
  const { kind, id } = instance.source
  if (image.kind === kind && image.id === id) return
  const from = image.kind === kind ? image.id : `${image.kind} ${image.id}`
  const to = image.kind === kind ? id : `${kind} ${id}`
  fields.push({ field: kind, from, to, how: 'replacement' })
}

function compareDisks(vm: VmPlan, observed: ObservedVm, host: ObservedHost) {
  const grow: (Comparison['grow'][number] & { readonly fromBytes: number })[] = []
  const shrink: Comparison['shrink'][number][] = []
  const newExtras: DiskPlan[] = []
  const missing: string[] = []
  for (const wanted of vm.disks) {
    const { device, sizeBytes } = wanted
    const attached = observed.disks.find((disk) => disk.kind === 'disk' && disk.device === device)
    if (attached === undefined) {
      if (wanted.content.kind === 'empty') newExtras.push(wanted)
      continue
    }
    // After an external snapshot the machine writes to another volume than the one it was made with.
    const current = volumeAt(host, attached.path)
    if (current === undefined) {
      missing.push(device)
      continue
    }
    if (sizeBytes === undefined) continue
    const fromBytes = current.capacityBytes
    const volume = { pool: wanted.volume.pool, name: current.name }
    if (fromBytes < sizeBytes) grow.push({ device, volume, sizeBytes, fromBytes })
    if (fromBytes > sizeBytes) shrink.push({ device, fromBytes, toBytes: sizeBytes })
  }
  return { grow, shrink, newExtras, missing }
}

/** `pc-q35-7.2` and `q35` are one family: libvirt writes the version that it chose into the definition. */
const machineFamily = (machine: string): string =>
  ['q35', 'i440fx', 'virt'].find((family) => machine.includes(family)) ?? machine
