import type { GuestCommand } from '../../guest/channel.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import type { StepContext } from './run-native.ts'
import { environmentOf } from './shell.ts'
import { type GuestWords, wordsFor } from './words.ts'

type WaitStep = Extract<PhaseStep, { kind: 'wait' }>

/** Waits for a time, or asks the guest again and again. */
export async function waitStep(progress: Progress, step: WaitStep, context: StepContext): Promise<undefined> {
  const wanted = step.for
  if (wanted.kind === 'time') {
    const late = wanted.ms > progress.remainingMs
    await progress.sleep(wanted.ms)
    if (late) await progress.poll({ everyMs: 0, what: `${wanted.ms} ms to pass` }, async () => undefined)
    return
  }
  await progress.poll({ everyMs: 500, what: step.title }, async () => {
    const channel = await context.channel(progress)
    const { exitCode } = await channel.run(progress, {
      ...question(wanted, wordsFor(channel)),
      user: step.user,
      environment: environmentOf(step, context.phase),
    })
    return exitCode === 0 ? true : undefined
  })
}

function question(wanted: Exclude<WaitStep['for'], { kind: 'time' }>, words: GuestWords): GuestCommand {
  switch (wanted.kind) {
    case 'port':
      return {
        script: words.listens,
        args: [String(wanted.port), wanted.port.toString(16).toUpperCase().padStart(4, '0')],
      }
    case 'path':
      return { script: words.exists, args: [wanted.path] }
    case 'command':
      return { script: wanted.command }
  }
}
