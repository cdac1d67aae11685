import { generateHostKeys } from '../../cloudinit/host-keys.ts'
import type { MarkedVolume, VmDefinition, VmMark } from '../../hypervisor/contract.ts'
import { newMachineId } from '../../identity/machine-id.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { inputsDigest } from '../../plan/inputs-digest.ts'
import type { VmPlan } from '../../plan/vm-plan.ts'
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
      step.mode,
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
    machineId: newMachineId(progress.seam),
  }
  context.state.generated.set(instance.name, generated)
  const seed = { instanceId: generated.instanceId, digest: inputsDigest(vm), sealed: vm.seed === undefined }
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
  return {
    project: context.services.spec.project,
    instance: instance.name,
    stage: 'creating',
    image: sourceMark(vm, context),
    volumes: volumesOf(vm),
    seed,
    hostKeys,
    user: instance.cloudInit.user.name,
  }
}

function sourceMark({ source, instance }: VmPlan, { state }: RunContext): VmMark['image'] {
  const { host, name } = instance
  const [id, digest] =
    source.kind === 'image'
      ? [source.image.id, state.images.get(`${host}/${source.image.id}`)?.sha256]
      : [source.template.spec.id, state.templates.get(`${host}/${source.template.spec.domain}`)]
  if (digest !== undefined) return { kind: source.kind, id, digest }
  throw new ProvisionError('internal.bug', {
    message: `${name} is defined before its ${source.kind} ${id} is known.`,
  })
}

function requireMark(mark: VmMark | undefined, vm: VmPlan): VmMark {
  if (mark !== undefined) return mark
  throw new ProvisionError('internal.bug', {
    message: `${vm.instance.name} is changed although its mark is not known.`,
  })
}

const volumesOf = ({ disks, seed }: VmPlan): readonly MarkedVolume[] => [
  ...disks.map(({ volume, role, device }): MarkedVolume => ({ ...volume, role, device })),
  ...(seed === undefined ? [] : [{ ...seed, role: 'seed', device: 'sda' } as const]),
]

function definition(
  vm: VmPlan,
  mark: VmMark,
  acceleration: 'kvm' | 'emulation',
  mode: 'fresh' | 'update' | 'reseed',
): VmDefinition {
  const { instance, source, seed } = vm
  return {
    name: instance.name,
    // What exists has taken over its template's devices; the template may have changed since, or be gone.
    basis: source.kind === 'template' && mode === 'fresh' ? source.template.spec.domain : undefined,
    id: vm.id,
    mark,
    acceleration,
    vcpus: instance.vcpus,
    singleSocket: instance.singleSocket,
    memoryMib: instance.memoryMib,
    machine: vm.machine,
    processor: instance.processor,
    firmware: vm.firmware,
    secureBoot: vm.secureBoot,
    disks: vm.disks.map(({ volume, device, format }) => ({ volume, device, format })),
    seed: seed === undefined ? undefined : { volume: seed, bus: instance.seedBus },
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
    image: { kind: instance.source.kind, id: instance.source.id, digest: 'adopted' },
    volumes: [],
    seed: { instanceId: 'adopted', digest: inputsDigest(step.vm), sealed: true },
    hostKeys: [],
    user: instance.cloudInit.user.name,
  }
  await context.services.host(step.host).writeMark(progress, instance.name, mark)
  context.state.marks.set(instance.name, mark)
}

export const setAutostart: Handler<'set-autostart'> = (progress, step, context) =>
  context.services.host(step.host).setAutostart(progress, step.instance ?? '', step.autostart)
