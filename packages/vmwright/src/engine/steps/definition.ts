import { generateHostKeys } from '../../cloudinit/host-keys.ts'
import { seedDigest } from '../../cloudinit/seed-digest.ts'
import type { MarkedVolume, VmDefinition, VmMark } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { VmPlan } from '../../plan/plan.ts'
import type { Generated, RunContext } from '../context.ts'
import type { Handler } from '../handlers.ts'

/**
 * Defines the machine with its mark. A fresh definition (and a reseed) gets a new instance-id and new SSH host
 * keys: their public halves go into the mark, their private halves only into the seed that is written next.
 */
export const defineVm: Handler<'define-vm'> = async (progress, step, context) => {
  const { vm } = step
  const host = context.services.host(step.host)
  const before = context.state.marks.get(vm.instance.name)
  const mark =
    step.mode === 'update'
      ? { ...requireMark(before, vm), volumes: volumesOf(vm) }
      : freshMark(progress, step.mode, vm, before, context)
  await host.defineVm(
    progress,
    definition(
      vm,
      mark,
      context.state.acceleration.get(step.host) ?? (await host.probeAcceleration(progress)),
    ),
  )
  context.state.marks.set(vm.instance.name, mark)
}

function freshMark(
  progress: Progress,
  mode: 'fresh' | 'reseed',
  vm: VmPlan,
  before: VmMark | undefined,
  context: RunContext,
): VmMark {
  const { instance } = vm
  const generated: Generated = {
    instanceId: `iid-${Buffer.from(progress.seam.randomBytes(8)).toString('hex')}`,
    hostKeys: generateHostKeys(),
  }
  context.state.generated.set(instance.name, generated)
  const seed = { instanceId: generated.instanceId, digest: seedDigest(instance), sealed: false }
  const hostKeys = generated.hostKeys.map((key) => key.publicKey)
  if (mode === 'reseed') {
    const unwritten = { ...seed, digest: '' }
    return {
      ...requireMark(before, vm),
      stage: 'created',
      seed: unwritten,
      hostKeys,
      volumes: volumesOf(vm),
    }
  }
  const image = context.state.images.get(`${instance.host}/${vm.image.id}`)
  if (image === undefined)
    throw new ProvisionError('internal.bug', {
      message: `${instance.name} is defined before its image ${vm.image.id} is known.`,
    })
  return {
    project: context.services.spec.project,
    instance: instance.name,
    stage: 'creating',
    image: { kind: 'image', id: vm.image.id, digest: image.sha256 },
    volumes: volumesOf(vm),
    seed,
    hostKeys,
    user: instance.cloudInit.user.name,
  }
}

function requireMark(mark: VmMark | undefined, vm: VmPlan): VmMark {
  if (mark !== undefined) return mark
  throw new ProvisionError('internal.bug', {
    message: `${vm.instance.name} is changed although its mark is not known.`,
  })
}

export const volumesOf = (vm: VmPlan): readonly MarkedVolume[] => [
  { ...vm.root, role: 'root', device: 'vda' },
  ...vm.extras.map((volume, index): MarkedVolume => ({
    ...volume,
    role: 'extra',
    device: vm.instance.extraDisks[index]?.device ?? '',
  })),
  { ...vm.seed, role: 'seed', device: 'sda' },
]

function definition(vm: VmPlan, mark: VmMark, acceleration: 'kvm' | 'emulation'): VmDefinition {
  const { instance } = vm
  return {
    name: instance.name,
    basis: undefined,
    id: vm.id,
    mark,
    acceleration,
    vcpus: instance.vcpus,
    singleSocket: instance.singleSocket,
    memoryMib: instance.memoryMib,
    machine: instance.machine,
    firmware: instance.firmware,
    secureBoot: instance.secureBoot,
    disks: [
      { volume: vm.root, device: 'vda', format: instance.rootDisk.format },
      ...instance.extraDisks.map((disk, index) => ({
        volume: vm.extras[index] ?? vm.root,
        device: disk.device,
        format: disk.format,
      })),
    ],
    seed: { volume: vm.seed, bus: instance.seedBus },
    interfaces: instance.interfaces.map((nic, index) => ({
      mac: nic.mac,
      network: vm.networks[index] ?? nic.network,
    })),
  }
}

/** Records how far the machine got. A `sealed` seed stays so. */
export const markVm: Handler<'mark-vm'> = async (progress, step, context) => {
  const name = step.instance ?? ''
  const mark = context.state.marks.get(name)
  if (mark === undefined)
    throw new ProvisionError('internal.bug', { message: `${name} is marked although it has no mark yet.` })
  const next = { ...mark, stage: step.stage }
  await context.services.host(step.host).writeMark(progress, name, next)
  context.state.marks.set(name, next)
}

/** Takes over a machine that somebody else made: it counts as provisioned, and as made of what the spec says. */
export const adoptVm: Handler<'adopt-vm'> = async (progress, step, context) => {
  const { instance } = step.vm
  const mark: VmMark = {
    project: context.services.spec.project,
    instance: instance.name,
    stage: 'provisioned',
    image: { kind: 'image', id: step.vm.image.id, digest: 'adopted' },
    volumes: [],
    seed: { instanceId: 'adopted', digest: seedDigest(instance), sealed: true },
    hostKeys: [],
    user: instance.cloudInit.user.name,
  }
  await context.services.host(step.host).writeMark(progress, instance.name, mark)
  context.state.marks.set(instance.name, mark)
}

export const setAutostart: Handler<'set-autostart'> = (progress, step, context) =>
  context.services.host(step.host).setAutostart(progress, step.instance ?? '', step.autostart)
