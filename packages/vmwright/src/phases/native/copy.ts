import { createReadStream } from 'node:fs'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import { StepFailure } from '../step-runs.ts'
import type { StepContext } from './run-native.ts'
import { say } from './shell.ts'
import { wordsFor } from './words.ts'

/** Writes a file, what is in a folder, or the text made of a template. */
export async function copyStep(
  progress: Progress,
  step: Extract<PhaseStep, { kind: 'copy' | 'template' }>,
  context: StepContext,
): Promise<undefined> {
  const channel = await context.channel(progress)
  const { to, owner, user } = step
  const mode = step.mode === undefined ? undefined : Number.parseInt(step.mode, 8)
  const text = context.prepared.texts.get(step)
  if (text !== undefined) {
    const content = new TextEncoder().encode(text)
    await channel.put(progress, { path: to, content, mode: mode ?? 0o644, owner, user })
    return
  }
  for (const entry of context.prepared.trees.get(step) ?? []) {
    const path = entry.relative === '' ? to : `${to.replace(/[\\/]+$/, '')}/${entry.relative}`
    if (entry.kind === 'file')
      await channel.put(progress, {
        path,
        content: createReadStream(entry.path),
        mode: mode ?? entry.mode,
        owner,
        user,
      })
    else if (entry.kind === 'empty-folder')
      await say(
        progress,
        channel,
        { script: wordsFor(channel).makeFolder, args: [path], user },
        `making ${path}`,
      )
    else
      throw new StepFailure(
        `${entry.path} is ${entry.kind === 'dangling' ? 'a link that leads nowhere' : 'neither file nor folder, or a link to a folder above it'}`,
        { hint: 'Remove it from the folder that is copied.' },
      )
  }
}
