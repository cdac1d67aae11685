import { writeSeedImage } from '../../cloudinit/iso9660.ts'
import { hashPassword } from '../../cloudinit/password.ts'
import { renderSeed, type SeedInput } from '../../cloudinit/render.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { SecretRef } from '../../lib/secret.ts'
import { machineIdBootcmd } from '../../identity/machine-id.ts'
import { inputsDigest } from '../../plan/inputs-digest.ts'
import type { VmPlan } from '../../plan/vm-plan.ts'
import type { VolumeRef } from '../../hypervisor/contract.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { RunContext } from '../context.ts'
import type { Handler } from '../handlers.ts'

/**
 * Writes the seed with its secrets. It can be written only in the run that generated the host keys, so the mark of
 * a reseeded machine says only now that it is written.
 */
export const writeSeed: Handler<'write-seed'> = async (progress, step, context) => {
  const { vm } = step
  const instance = asSeeded(vm)
  const generated = context.state.generated.get(instance.name)
  if (generated === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The seed of ${instance.name} is written before its identity is made.`,
    })
  const files = renderSeed({
    instance,
    instanceId: generated.instanceId,
    generated: { hostKeys: generated.hostKeys, ...(await secretsOf(progress, instance, context)) },
  })
  const host = context.services.host(step.host)
  await host.writeVolume(progress, seedOf(vm), writeSeedImage(files))
  const mark = context.state.marks.get(instance.name)
  if (mark?.seed.digest !== '') return
  const written = { ...mark, seed: { ...mark.seed, digest: inputsDigest(vm) } }
  await host.writeMark(progress, instance.name, written)
  context.state.marks.set(instance.name, written)
}

/** A clone has its template's machine-id until its first boot. */
function asSeeded({ instance, source }: VmPlan): InstanceSpec {
  if (source.kind === 'image') return instance
  const { cloudInit } = instance
  return { ...instance, cloudInit: { ...cloudInit, bootcmd: [...machineIdBootcmd, ...cloudInit.bootcmd] } }
}

function seedOf({ seed, instance }: VmPlan): VolumeRef {
  if (seed !== undefined) return seed
  throw new ProvisionError('internal.bug', { message: `${instance.name} has no seed, and one is written.` })
}

type Secrets = Omit<Exclude<SeedInput['generated'], 'sealed'>, 'hostKeys'>

async function secretsOf(progress: Progress, instance: InstanceSpec, context: RunContext): Promise<Secrets> {
  const { user, rootPassword, injectOwnKey } = instance.cloudInit
  const hash = async (ref: SecretRef): Promise<string> =>
    hashPassword(await context.services.readSecret(ref), progress.seam.randomBytes(12))
  const passwordHash =
    user.hashedPassword !== undefined
      ? (await context.services.readSecret(user.hashedPassword)).reveal()
      : user.password === undefined
        ? undefined
        : await hash(user.password)
  return {
    ...(passwordHash === undefined ? {} : { passwordHash }),
    ...(rootPassword === undefined ? {} : { rootPasswordHash: await hash(rootPassword) }),
    ...(injectOwnKey ? { ownKey: (await context.services.ownKey(progress)).publicKey } : {}),
  }
}

/**
 * Writes the seed again without secrets, under the same instance-id, so that it can stay attached: cloud-init
 * finds the instance it knows and does nothing that is done once an instance. The mark says so first: whoever finds
 * a seed half written knows then that the first boot was over.
 */
export const sealSeed: Handler<'seal-seed'> = async (progress, step, context) => {
  const instance = asSeeded(step.vm)
  const mark = context.state.marks.get(instance.name)
  if (mark === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The seed of ${instance.name} is sealed although its mark is not known.`,
    })
  const host = context.services.host(step.host)
  if (!mark.seed.sealed) {
    const sealed = { ...mark, seed: { ...mark.seed, sealed: true } }
    await host.writeMark(progress, instance.name, sealed)
    context.state.marks.set(instance.name, sealed)
  }
  const files = renderSeed({ instance, instanceId: mark.seed.instanceId, generated: 'sealed' })
  await host.writeVolume(progress, seedOf(step.vm), writeSeedImage(files))
}
