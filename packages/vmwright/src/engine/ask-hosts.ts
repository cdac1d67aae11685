import type { ErrorCode } from '@vmwright/contract'
import { isProvisionError, messageOf, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'

/** What several hosts answered, and why those that did not, did not. */
export interface Answers<T> {
  readonly answers: ReadonlyMap<string, T>
  readonly failures: ReadonlyMap<string, unknown>
}

/** What is the matter with one host alone, so that others may go on without it. */
const ofOneHost: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'host.unreachable',
  'host.connection-lost',
  'host.timeout',
  'host.no-driver',
])

/**
 * Asks hosts side by side (K12). A host that does not answer is among the failures; anything else that goes wrong, a
 * cancellation too, is thrown once all have ended.
 */
export async function askAll<T>(
  progress: Progress,
  hosts: readonly (readonly [name: string, ask: () => Promise<T>])[],
): Promise<Answers<T>> {
  const results = await Promise.allSettled(hosts.map(async ([, ask]) => ask()))
  progress.check()
  const answers = new Map<string, T>()
  const failures = new Map<string, unknown>()
  for (const [index, [name]] of hosts.entries()) {
    const result = results[index]
    if (result?.status === 'fulfilled') answers.set(name, result.value)
    else if (isOfOneHost(result?.reason)) failures.set(name, result?.reason)
    else throw result?.reason
  }
  return { answers, failures }
}

export const isOfOneHost = (error: unknown): error is ProvisionError =>
  isProvisionError(error) && ofOneHost.has(error.code)

/** The only host's error, or one that names them all. */
export function noneAnswers(failures: ReadonlyMap<string, unknown>): unknown {
  const errors = [...failures.values()]
  if (errors.length === 1) return errors[0]
  return new ProvisionError('host.unreachable', {
    message: `Several hosts cannot be reached. ${errors.map(messageOf).join(' ')}`,
    details: { failures: errors.map(messageOf) },
    cause: errors[0],
  })
}
