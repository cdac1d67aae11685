import type { DiskCreation } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { formatBytes, MiB } from '../../lib/units.ts'
import { imagePoolName } from '../../plan/naming.ts'
import type { RunContext } from '../context.ts'
import type { Handler, StepOf } from '../handlers.ts'

export const createDisk: Handler<'create-disk'> = (progress, step, context) =>
  context.services
    .host(step.host)
    .createDisk(
      progress,
      step.disk.kind === 'root' ? rootDisk(step, context) : extraDisk(step, step.disk.index),
    )

function rootDisk({ vm, host, existing }: StepOf<'create-disk'>, context: RunContext): DiskCreation {
  const { rootDisk: wanted, name } = vm.instance
  const image = context.state.images.get(`${host}/${vm.image.id}`)
  if (image === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The disk of ${name} is made before its image ${vm.image.id} is known.`,
    })
  const sizeBytes = wanted.sizeMib * MiB
  if (sizeBytes < image.virtualSizeBytes) {
    throw new ProvisionError('disk.shrink-refused', {
      message: `The disk of ${name} (${formatBytes(sizeBytes)}) would be smaller than its image ${vm.image.id} (${formatBytes(image.virtualSizeBytes)}).`,
      hint: `Set \`rootDisk.size\` of ${name} to at least ${formatBytes(image.virtualSizeBytes)}.`,
      details: { sizeBytes, imageBytes: image.virtualSizeBytes },
    })
  }
  const base = {
    volume: { pool: imagePoolName, name: image.fileName },
    format: image.format,
    mode: wanted.mode,
  }
  return { ...vm.root, sizeBytes, format: wanted.format, base, existing }
}

function extraDisk({ vm, existing }: StepOf<'create-disk'>, index: number): DiskCreation {
  const disk = vm.instance.extraDisks[index]
  const volume = vm.extras[index]
  if (disk === undefined || volume === undefined)
    throw new ProvisionError('internal.bug', { message: `${vm.instance.name} has no extra disk ${index}.` })
  return { ...volume, sizeBytes: disk.sizeMib * MiB, format: disk.format, base: undefined, existing }
}

export const growDisk: Handler<'grow-disk'> = (progress, step, context) =>
  context.services
    .host(step.host)
    .growDisk(progress, step.vm.instance.name, step.device, step.volume, step.sizeBytes)

export const deleteVolume: Handler<'delete-volume'> = (progress, step, context) =>
  context.services.host(step.host).deleteVolume(progress, step.volume)
