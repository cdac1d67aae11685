import { dirname } from 'node:path'
import type { StepRun } from '@vmwright/contract'
import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import { runProgram } from '../../lib/process.ts'
import type { Progress } from '../../lib/progress.ts'
import { phaseFolderOf } from '../find.ts'
import { phaseOutput } from '../output.ts'
import type { Phase } from '../phase.ts'
import type { PhaseContext } from '../run.ts'
import { phaseError } from '../step-runs.ts'
import { parseEvent } from './events.ts'
import { killStragglers } from './stragglers.ts'
import { taskLog } from './task-log.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

const graceMs = 5_000

/**
 * Runs a file of tasks by the installed `ansible-playbook`. Values are in files that only the user of this machine can
 * read, in a folder that goes in the end; whatever was started is gone then too. Throws `process.not-found`.
 */
export async function runAnsible(
  progress: Progress,
  phase: Extract<Phase, { kind: 'ansible' }>,
  context: PhaseContext,
): Promise<readonly StepRun[]> {
  const output = phaseOutput(Object.values(context.secrets), (stream, text) => context.onOutput(stream, text))
  const log = taskLog(progress, output, context)
  const phaseFolder = phaseFolderOf(phase) ?? dirname(phase.path)
  await using workspace = await makeWorkspace(progress, { path: phase.path, phaseFolder }, context)
  try {
    const exitCode = await play(progress, phaseFolder, workspace, (line, stream) => {
      const event = stream === 'stdout' ? parseEvent(line) : undefined
      if (event === undefined) {
        if (line.trim() !== '') output.write(stream, `${line}\n`)
        return
      }
      if (event.event === 'start') void workspace.forgetVariables().catch(() => {})
      log.take(event)
    })
    if (exitCode !== 0) throw log.failure(exitCode)
    output.flush()
    return log.steps
  } catch (error) {
    output.flush()
    log.abandon(progress.signal.aborted ? 'cancelled' : 'failed')
    progress.check()
    if (isProvisionError(error, 'process.not-found')) throw withoutAnsible(phase, error)
    const step = { title: log.current, kind: 'ansible', limitMs: undefined }
    throw phaseError(
      error,
      { guest: context.guest, phase: phase.name, output, steps: log.steps },
      step,
      progress,
    )
  }
}

/** The exit code of `ansible-playbook`. At the deadline and on cancellation it and all of its are gone before this throws. */
async function play(
  progress: Progress,
  directory: string,
  workspace: Workspace,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): Promise<number> {
  const limit = new AbortController()
  const ended = new AbortController()
  const timer = progress
    .child({ signal: ended.signal })
    .sleep(progress.remainingMs)
    .then(() =>
      limit.abort(new ProvisionError('wait.timeout', { message: 'Timed out waiting for Ansible.' })),
    )
  timer.catch(() => {})
  try {
    const { exitCode } = await progress.seam.effect(
      { kind: 'process.run', object: 'ansible-playbook', mutates: true },
      () =>
        runProgram('ansible-playbook', workspace.arguments, {
          signal: AbortSignal.any([progress.signal, limit.signal]),
          groupGraceMs: graceMs,
          cwd: directory,
          env: workspace.environment,
          onLine,
        }),
    )
    return exitCode
  } finally {
    ended.abort()
    await killStragglers(progress, workspace.folder)
  }
}

const withoutAnsible = (phase: Phase, cause: ProvisionError): ProvisionError =>
  new ProvisionError('process.not-found', {
    message: `The phase ${phase.name} is a file of Ansible tasks, and ansible-playbook is not installed here.`,
    hint: 'Install it (`sudo apt install ansible-core`, or `ansible` for more modules), or write the phase in native steps.',
    details: cause.details,
    cause,
  })
