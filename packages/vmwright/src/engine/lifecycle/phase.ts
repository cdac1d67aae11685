import type { StepRun } from '@vmwright/contract'
import type { Progress } from '../../lib/progress.ts'
import type { Secret } from '../../lib/secret.ts'
import type { Phase } from '../../phases/phase.ts'
import type { ActionNote } from './action-log.ts'
import type { Guest } from './job.ts'

/** Runs one phase in the guest, with its log, its output as events, and its limit of time. Throws `phase.failed`, `phase.timeout`. */
export async function runGuestPhase(
  progress: Progress,
  { job, line }: Pick<Guest, 'job' | 'line'>,
  phase: Phase,
  note: ActionNote,
): Promise<void> {
  const { instance, options, results } = job
  const { name, lifecycle, matrix } = instance
  const secrets = await readSecrets(job)
  const log = results.log(name, phase.name)
  note.log = log.path
  try {
    await options.services.runPhase(progress.child({ timeoutMs: lifecycle.phaseTimeoutMs }), phase, {
      connector: line.connector,
      channel: line,
      guest: name,
      facts: { platform: matrix?.platform, target: matrix?.target, host: instance.host },
      variables: lifecycle.variables,
      environment: lifecycle.environment,
      secrets,
      fetchFolder: results.fetchFolder(name),
      onOutput(stream, text) {
        log.write(stream, text)
        options.onEvent({ kind: 'output', instance: name, phase: phase.name, stream, text })
      },
      onStep: (step: StepRun) => void note.steps.push(step),
    })
  } finally {
    await log.close()
  }
}

async function readSecrets({ instance, options }: Guest['job']): Promise<Readonly<Record<string, Secret>>> {
  const { readSecret } = options.services.session
  const read = Object.entries(instance.lifecycle.secrets).map(
    async ([name, ref]) => [name, await readSecret(ref)] as const,
  )
  return Object.fromEntries(await Promise.all(read))
}
