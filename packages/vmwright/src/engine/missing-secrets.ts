import { isProvisionError, messageOf } from '../lib/errors.ts'
import type { MissingSecret } from '../plan/plan.ts'
import { secretRefsOf } from '../plan/secret-refs.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import type { RunServices } from './context.ts'

/**
 * Tries to read every secret that the instances' seeds would hold, and keeps none. Resolves with what cannot be
 * read, by instance, so that it is told with all other findings and not by the step that needs it.
 */
export async function findMissingSecrets(
  instances: readonly InstanceSpec[],
  readSecret: RunServices['readSecret'],
): Promise<ReadonlyMap<string, readonly MissingSecret[]>> {
  const found = await Promise.all(
    instances.map(async (instance) => {
      const tried = await Promise.all(
        secretRefsOf(instance).map((ref) => readSecret(ref).then(() => undefined, describe)),
      )
      return [instance.name, tried.filter((each) => each !== undefined)] as const
    }),
  )
  return new Map(found.filter(([, missing]) => missing.length > 0))
}

function describe(error: unknown): MissingSecret {
  if (!isProvisionError(error, 'secret.unavailable')) throw error
  return { message: messageOf(error), hint: error.hint }
}
