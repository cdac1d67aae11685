import { hashPassword } from '../../cloudinit/password.ts'
import { identityChanges, type NewIdentity } from '../../identity/changes.ts'
import { customiseChanges } from '../../identity/customise.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { Secret } from '../../lib/secret.ts'
import type { VmPlan } from '../../plan/vm-plan.ts'
import type { RunContext } from '../context.ts'
import type { FileChange } from '../../hypervisor/disks.ts'
import type { Handler } from '../handlers.ts'

/**
 * T5, T6, K7. Gives the machine a name, keys and addresses of its own, and what else the spec wants of its disks; it
 * can be done only in the run that made the keys.
 */
export const editDisks: Handler<'edit-disks'> = async (progress, step, context) => {
  const { instance, disks, source } = step.vm
  await context.services.host(step.host).editDisks(progress, {
    vm: instance.name,
    disks: disks
      .filter(({ content }) => content.kind === 'clone' || content.kind === 'image')
      .map(({ volume, format }) => ({ volume, format })),
    acceleration: context.state.acceleration.get(step.host) ?? 'emulation',
    ...(source.kind === 'image' ? { root: 'grow' } : {}),
    changes: await changesOf(progress, step.vm, context),
  })
}

async function changesOf(
  progress: Progress,
  { instance }: VmPlan,
  context: RunContext,
): Promise<readonly FileChange[]> {
  const { source, cloudInit } = instance
  const generated = context.state.generated.get(instance.name)
  if (generated === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The disks of ${instance.name} are edited before its identity is made.`,
    })
  const { hostKeys, machineId } = generated
  const own = cloudInit.injectOwnKey ? [(await context.services.ownKey(progress)).publicKey] : []
  const identity = { instance, hostKeys, machineId } satisfies Partial<NewIdentity>
  if (source.kind === 'template')
    return identityChanges({
      ...identity,
      guestNetwork: source,
      authorizedKeys: [...own, ...cloudInit.user.sshKeys],
    })
  if (source.customise === undefined)
    throw new ProvisionError('internal.bug', {
      message: `The disks of ${instance.name} are edited, and nothing is to be done to them.`,
    })
  const { rootPassword } = cloudInit
  const rootPasswordHash =
    rootPassword === undefined
      ? undefined
      : new Secret(
          hashPassword(await context.services.readSecret(rootPassword), progress.seam.randomBytes(12)),
        )
  return customiseChanges({ ...identity, customise: source.customise, ownKeys: own, rootPasswordHash })
}
