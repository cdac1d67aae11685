import type { DiskCreation } from '../../hypervisor/disks.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { formatBytes } from '../../lib/units.ts'
import { imagePoolName } from '../../plan/naming.ts'
import type { RunContext } from '../context.ts'
import type { Handler, StepOf } from '../handlers.ts'

export const createDisk: Handler<'create-disk'> = (progress, step, context) =>
  context.services.host(step.host).createDisk(progress, creationOf(step, context))

function creationOf({ vm, host, disk, existing }: StepOf<'create-disk'>, context: RunContext): DiskCreation {
  const { name } = vm.instance
  const { content, format, sizeBytes } = disk
  if (sizeBytes === undefined)
    throw new ProvisionError('internal.bug', { message: `A disk of ${name} is made without a size.` })
  const made = { ...disk.volume, sizeBytes, format, existing }
  if (content.kind !== 'image') return { ...made, base: undefined }
  const { id } = content.image
  const image = context.state.images.get(`${host}/${id}`)
  if (image === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The disk of ${name} is made before its image ${id} is known.`,
    })
  if (sizeBytes < image.virtualSizeBytes) {
    throw new ProvisionError('disk.shrink-refused', {
      message: `The disk of ${name} (${formatBytes(sizeBytes)}) would be smaller than its image ${id} (${formatBytes(image.virtualSizeBytes)}).`,
      hint: `Set \`rootDisk.size\` of ${name} to at least ${formatBytes(image.virtualSizeBytes)}.`,
      details: { sizeBytes, imageBytes: image.virtualSizeBytes },
    })
  }
  const volume = { pool: imagePoolName, name: image.fileName }
  return { ...made, base: { volume, format: image.format, mode: content.mode } }
}

export const growDisk: Handler<'grow-disk'> = (progress, step, context) =>
  context.services
    .host(step.host)
    .growDisk(progress, step.vm.instance.name, step.device, step.volume, step.sizeBytes)

export const deleteVolume: Handler<'delete-volume'> = (progress, step, context) =>
  context.services.host(step.host).deleteVolume(progress, step.volume)
