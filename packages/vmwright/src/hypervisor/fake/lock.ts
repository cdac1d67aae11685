import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Seam } from '../../lib/seam.ts'
import type { FakeContext } from './context.ts'
import type { FakeWorld } from './world.ts'

interface Holder {
  readonly name: string
  readonly seam: Seam
}

/** A lock is no part of the world: it goes with the process, here with the seam, that holds it. */
const holders = new WeakMap<FakeWorld, Holder>()

export async function takeLock(
  context: FakeContext,
  progress: Progress,
  name: string,
): Promise<AsyncDisposable> {
  const { world, seam } = context
  const mine: Holder = { name, seam }
  for (;;) {
    const other = await context.look(progress, 'lock', world.host, () => {
      const holder = holders.get(world)
      if (holder !== undefined && !isDead(holder.seam)) return holder
      holders.set(world, mine)
      return undefined
    })
    if (other === undefined) break
    progress.report({ what: `the lock of ${world.host}, held by ${other.name}` })
    if (progress.remainingMs === 0) {
      throw new ProvisionError('host.locked', {
        message: `${world.host} is locked by ${other.name}.`,
        details: { holder: other.name },
      })
    }
    await progress.sleep(200)
  }
  return {
    async [Symbol.asyncDispose]() {
      if (holders.get(world) === mine) holders.delete(world)
    },
  }
}

const isDead = (seam: Seam): boolean => 'killed' in seam && seam.killed === true
