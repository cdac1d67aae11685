import { createReadStream } from 'node:fs'
import type { CommandEnd, GuestChannel, GuestCommand } from '../../guest/channel.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import { StepFailure } from '../step-runs.ts'
import type { StepContext } from './run-native.ts'
import { wordsFor } from './words.ts'

type StepOf<K extends PhaseStep['kind']> = Extract<PhaseStep, { kind: K }>

export async function shellStep(
  progress: Progress,
  step: StepOf<'shell'>,
  context: StepContext,
): Promise<number> {
  const channel = await context.channel(progress)
  return await runIn(progress, channel, step, context, { script: step.command })
}

/** Brings the file into the guest, runs it by its first line, and removes it. */
export async function scriptStep(
  progress: Progress,
  step: StepOf<'script'>,
  context: StepContext,
): Promise<number> {
  const channel = await context.channel(progress)
  const words = wordsFor(channel)
  const name = Buffer.from(progress.seam.randomBytes(8)).toString('hex')
  const extension = channel.kind === 'winrm' ? (/\.\w+$/.exec(step.path)?.[0] ?? '.ps1') : ''
  const path = `${words.temporary}vmwright-${name}${extension}`
  await channel.put(progress, { path, content: createReadStream(step.path), mode: 0o700, user: step.user })
  const interpreter = channel.kind === 'winrm' ? [] : (context.prepared.interpreters.get(step) ?? [])
  return await runIn(progress, channel, step, context, {
    script: words.runAndRemove,
    args: [path, ...interpreter, path, ...step.args],
  })
}

async function runIn(
  progress: Progress,
  channel: GuestChannel,
  step: StepOf<'shell'> | StepOf<'script'>,
  { phase, output }: StepContext,
  command: GuestCommand,
): Promise<number> {
  const { exitCode } = await channel.run(progress, {
    ...command,
    directory: step.directory,
    user: step.user,
    environment: environmentOf(step, phase),
    onOutput: (stream, text) => output.write(stream, text),
  })
  if (step.exitCodes.includes(exitCode)) return exitCode
  const signal = exitCode > 128 && exitCode <= 192 ? ` (signal ${exitCode - 128})` : ''
  throw new StepFailure(`it ended with exit code ${exitCode}${signal}`, { exitCode })
}

export const environmentOf = (
  step: PhaseStep,
  { environment, secrets }: StepContext['phase'],
): NonNullable<GuestCommand['environment']> => ({ ...environment, ...secrets, ...step.environment })

/** A command of our own. Throws when it does not end with 0. */
export async function say(
  progress: Progress,
  channel: GuestChannel,
  command: GuestCommand,
  what: string,
): Promise<CommandEnd> {
  const end = await channel.run(progress, command)
  if (end.exitCode !== 0)
    throw new StepFailure(
      `${what} failed with exit code ${end.exitCode}: ${end.stderr.trim().split('\n').at(-1) ?? ''}`,
      { exitCode: end.exitCode },
    )
  return end
}
