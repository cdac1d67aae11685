import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sshChannel } from '../packages/vmwright/src/guest/channel-ssh.ts'
import { connectThrough } from '../packages/vmwright/src/guest/ssh-jump.ts'
import { startSshd } from '../packages/vmwright/src/guest/testing/sshd.ts'
import { Progress } from '../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../packages/vmwright/src/lib/seam.ts'
import { median, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * A phase of 50 native steps on one SSH connection to an sshd of its own on loopback, beside the same commands run
 * here by the same shell, from one to the next without a pause: what a step costs beyond its command's own time.
 */
export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'steps-50', run: steps },
]

const steps50 = Array.from({ length: 50 }, (_each, index) => `ls / >/dev/null; echo "step ${index}"`)
const rounds = 5
const goalMs = 20
const run = promisify(execFile)

async function steps(): Promise<BenchResult> {
  const progress = new Progress(realSeam())
  await using sshd = await startSshd()
  const target = sshd.target()
  const { end, close } = await connectThrough(progress, [], target)
  await using channel = sshChannel({ client: end, target, close })
  const timed = async (all: () => Promise<unknown>): Promise<number> => {
    const startedMs = performance.now()
    await all()
    return (performance.now() - startedMs) / steps50.length
  }
  const overSsh = () =>
    timed(async () => {
      for (const script of steps50) await channel.run(progress, { script, environment: { STEP: 'x' } })
    })
  const here = () =>
    timed(() => run('/bin/sh', ['-c', 'for step; do /bin/sh -ec "$step"; done', 'sh', ...steps50]))
  await overSsh()
  const beyond: number[] = []
  const own: number[] = []
  for (let round = 0; round < rounds; round++) {
    const ownMs = await here()
    beyond.push((await overSsh()) - ownMs)
    own.push(ownMs)
  }
  const value = median(beyond)
  return {
    id: 'steps-50',
    value,
    unit: 'ms',
    yardstick: median(own),
    ratio: value / median(own),
    goal: `at most ${goalMs} ms a step beyond its command (yardstick: the command here)`,
    met: value <= goalMs,
    n: rounds,
    spread: spread(beyond),
  }
}
