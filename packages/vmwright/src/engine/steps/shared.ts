import { formatBytes } from '../../lib/units.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Handler } from '../handlers.ts'

export const ensurePool: Handler<'ensure-pool'> = (progress, step, context) =>
  context.services.host(step.host).ensurePool(progress, step.pool)

export const removePool: Handler<'remove-pool'> = (progress, step, context) =>
  context.services.host(step.host).removePool(progress, step.pool)

export const startNetwork: Handler<'start-network'> = (progress, step, context) =>
  context.services.host(step.host).startNetwork(progress, step.network)

export const fetchImage: Handler<'fetch-image'> = async (progress, step, context) => {
  const image = await context.services.ensureImage(progress, step.host, step.image)
  context.state.images.set(`${step.host}/${step.image.id}`, image)
  if (image.source !== 'cache') {
    const how = { download: 'downloaded', file: 'copied', build: 'built' }[image.source]
    context.notice(
      'info',
      `Image ${image.id}: ${how} and verified, ${image.fileName} (${formatBytes(image.sizeBytes)}).`,
    )
  }
}

export const placeImage: Handler<'place-image'> = async (progress, step, context) => {
  const image = context.state.images.get(`${step.host}/${step.image.id}`)
  if (image === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The image ${step.image.id} is placed before it is fetched.`,
    })
  await context.services.host(step.host).placeImage(progress, {
    pool: step.pool.name,
    name: image.fileName,
    localPath: image.path,
    format: image.format,
    sha256: image.sha256,
    sizeBytes: image.sizeBytes,
  })
}

export const probeAcceleration: Handler<'probe-acceleration'> = async (progress, step, context) => {
  const acceleration = await context.services.host(step.host).probeAcceleration(progress)
  context.state.acceleration.set(step.host, acceleration)
  const wanted = context.services.spec.hosts.find((host) => host.name === step.host)?.acceleration
  if (acceleration === 'emulation' && wanted === 'prefer-kvm') {
    context.notice(
      'warning',
      `Guests do not start with KVM on ${step.host}; they are emulated, which is about ten times slower.`,
    )
  }
}
