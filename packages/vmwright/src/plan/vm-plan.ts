import type { ObservedHost, ObservedVm, VmMark, VolumeRef } from '../hypervisor/contract.ts'
import { MiB } from '../lib/units.ts'
import type { CloneMode, ImageSpec, InstanceSpec, ResolvedSpec, TemplateSpec } from '../spec/resolved.ts'
import { cloneVolumeName, extraVolumeName, poolOf, rootVolumeName, seedVolumeName, vmId } from './naming.ts'

/** All that the steps of one machine need to know about it. */
export interface VmPlan {
  readonly instance: InstanceSpec
  readonly source: VmSource
  /** UUID. */
  readonly id: string
  /** Names of the host's networks, in the order of the instance's interfaces. */
  readonly networks: readonly string[]
  /** Name of the host's pool that its volumes are in. */
  readonly pool: string
  /** What a clone has from its template, and other machines from their spec. */
  readonly machine: string
  readonly firmware: 'bios' | 'uefi'
  readonly secureBoot: boolean
  /** The root disk first. */
  readonly disks: readonly DiskPlan[]
  /** `undefined`: it gets its identity without a seed. */
  readonly seed: VolumeRef | undefined
}

export type VmSource =
  | { readonly kind: 'image'; readonly image: ImageSpec }
  | { readonly kind: 'template'; readonly template: TemplatePlan }

export interface TemplatePlan {
  readonly spec: TemplateSpec
  readonly mode: CloneMode
  /** `undefined`: the host has no machine of that name. */
  readonly observed: ObservedVm | undefined
  readonly disks: readonly TemplateDisk[]
  readonly workspace: string | undefined
}

export interface TemplateDisk {
  readonly device: string
  readonly path: string
  readonly format: 'qcow2' | 'raw'
}

export interface DiskPlan {
  readonly volume: VolumeRef
  readonly role: 'root' | 'extra'
  readonly device: string
  readonly format: 'qcow2' | 'raw'
  /** `undefined`: as large as what it is made of. */
  readonly sizeBytes: number | undefined
  readonly content:
    | { readonly kind: 'image'; readonly image: ImageSpec; readonly mode: 'overlay' | 'copy' }
    | { readonly kind: 'empty' }
    | { readonly kind: 'clone'; readonly from: TemplateDisk }
    /** It is there, or cannot be made: its name is all that is known. */
    | { readonly kind: 'existing' }
}

/** The machine as it would be made now. Pure. */
export function vmPlan(spec: ResolvedSpec, instance: InstanceSpec, host: ObservedHost): VmPlan {
  const source = sourceOf(spec, instance, host)
  const pool = poolOf(spec, instance).name
  const hardware = source.kind === 'template' ? (source.template.observed ?? instance) : instance
  return {
    instance,
    source,
    id: vmId(spec.project, instance.name),
    networks: instance.interfaces.map((nic) => networkName(spec, nic.network)),
    pool,
    machine: hardware.machine,
    firmware: hardware.firmware,
    secureBoot: hardware.secureBoot,
    disks: [...baseDisks(source, instance, pool), ...emptyDisks(instance, pool)],
    seed: isOffline(source, instance) ? undefined : { pool, name: seedVolumeName(instance) },
  }
}

/** Its identity is written into its disks, and cloud-init has no part in it. */
const isOffline = (source: VmSource, instance: InstanceSpec): boolean =>
  source.kind === 'template'
    ? source.template.spec.identity === 'offline'
    : instance.source.kind === 'image' && instance.source.customise !== undefined

/**
 * The machine as it was made: a clone has the disks that its template had then, whatever became of that, and the
 * empty disks of its spec. Pure.
 */
export function asMade(vm: VmPlan, mark: VmMark, observed: ObservedVm): VmPlan {
  if (vm.source.kind === 'image') return vm
  const empty = vm.disks.filter(({ content }) => content.kind === 'empty')
  const isEmpty = (device: string): boolean => empty.some((disk) => disk.device === device)
  const cloned = mark.volumes.flatMap(({ pool, name, role, device }): readonly DiskPlan[] => {
    if (role === 'seed' || isEmpty(device)) return []
    const format = formatOf(observed.disks.find((disk) => disk.device === device)?.format)
    const sizeBytes = role === 'root' ? rootBytes(vm.instance) : undefined
    return [{ volume: { pool, name }, role, device, format, sizeBytes, content: { kind: 'existing' } }]
  })
  const { machine, firmware, secureBoot } = observed
  return { ...vm, machine, firmware, secureBoot, disks: [...cloned, ...empty] }
}

/** For titles of steps that a machine without a seed has not. */
export const seedName = ({ seed, instance }: VmPlan): string => seed?.name ?? seedVolumeName(instance)

function sourceOf(spec: ResolvedSpec, { source }: InstanceSpec, host: ObservedHost): VmSource {
  if (source.kind === 'image') {
    const image = spec.images.find((candidate) => candidate.id === source.id)
    if (image === undefined) throw new RangeError(`the spec has no image ${source.id}`)
    return { kind: 'image', image }
  }
  const template = spec.templates.find((candidate) => candidate.id === source.id)
  if (template === undefined) throw new RangeError(`the spec has no template ${source.id}`)
  const observed = host.vms.find((vm) => vm.name === template.domain)
  const { workspace } = spec.cloning
  const disks = observed === undefined ? [] : disksOf(observed)
  return { kind: 'template', template: { spec: template, mode: source.clone, observed, disks, workspace } }
}

/** Disks that are files, which are those that can be cloned. */
export const disksOf = (machine: ObservedVm): readonly TemplateDisk[] =>
  machine.disks.flatMap(({ kind, device, path, format }) =>
    kind === 'disk' && path !== undefined ? [{ device, path, format: formatOf(format) }] : [],
  )

/** A definition that does not say the format means `raw` (libvirt does not look into the file). */
const formatOf = (format: string | undefined): 'qcow2' | 'raw' => (format === 'qcow2' ? 'qcow2' : 'raw')

function baseDisks(source: VmSource, instance: InstanceSpec, pool: string): readonly DiskPlan[] {
  const { rootDisk } = instance
  const root = { volume: { pool, name: rootVolumeName(instance) }, role: 'root' } as const
  const sizeBytes = rootBytes(instance)
  if (source.kind === 'image') {
    const content = { kind: 'image', image: source.image, mode: rootDisk.mode } as const
    return [{ ...root, device: 'vda', format: rootDisk.format, sizeBytes, content }]
  }
  const { disks, mode } = source.template
  if (disks.length === 0)
    return [{ ...root, device: 'vda', format: 'qcow2', sizeBytes, content: { kind: 'existing' } }]
  return disks.map((from, index): DiskPlan => {
    const { device } = from
    const format = mode === 'overlay' ? 'qcow2' : from.format
    const content = { kind: 'clone', from } as const
    if (index === 0) return { ...root, device, format, sizeBytes, content }
    const volume = { pool, name: cloneVolumeName(instance, device) }
    return { volume, role: 'extra', device, format, sizeBytes: undefined, content }
  })
}

const emptyDisks = (instance: InstanceSpec, pool: string): readonly DiskPlan[] =>
  instance.extraDisks.map((disk, index) => ({
    volume: { pool, name: extraVolumeName(instance, index) },
    role: 'extra',
    device: disk.device,
    format: disk.format,
    sizeBytes: disk.sizeMib * MiB,
    content: { kind: 'empty' },
  }))

const rootBytes = ({ rootDisk: { sizeMib } }: InstanceSpec): number | undefined =>
  sizeMib === 0 ? undefined : sizeMib * MiB

function networkName(spec: ResolvedSpec, id: string): string {
  const network = spec.networks.find((candidate) => candidate.id === id)
  if (network === undefined) throw new RangeError(`the spec has no network ${id}`)
  return network.name
}
