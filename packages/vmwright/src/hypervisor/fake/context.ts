import { isDeepStrictEqual } from 'node:util'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Seam } from '../../lib/seam.ts'
import { notifyChange } from './changes.ts'
import { settleGuests } from './guests.ts'
import type { FakeWorld } from './world.ts'

export interface FakeOptions {
  /** Virtual time that each mutation takes, by its kind without `fake.`. Default: none. */
  readonly latencyMs?: (kind: string) => number
}

/** What the parts of the driver share: the world, and the two ways to touch it. */
export interface FakeContext {
  readonly world: FakeWorld
  readonly seam: Seam
  look<T>(progress: Progress, kind: string, object: string, read: () => T): Promise<T>
  /** One mutation: one effect. */
  change(progress: Progress, kind: string, object: string, mutate: () => void): Promise<void>
  same(a: unknown, b: unknown): boolean
  /** From here on nothing is reached any more. */
  close(): void
}

export function createContext(world: FakeWorld, seam: Seam, options: FakeOptions): FakeContext {
  let isClosed = false
  const reach = (): void => {
    if (isClosed) {
      throw new ProvisionError('host.connection-lost', {
        message: `The connection to ${world.host} was closed by this side.`,
      })
    }
    if (world.down) {
      throw new ProvisionError('host.unreachable', {
        message: `The hypervisor on ${world.host} does not answer.`,
        retryable: true,
      })
    }
    settleGuests(world, seam.nowMs())
  }
  return {
    world,
    seam,
    async look(progress, kind, object, read) {
      progress.check()
      return await seam.effect({ kind: `fake.${kind}`, object, mutates: false }, async () => {
        reach()
        return read()
      })
    },
    async change(progress, kind, object, mutate) {
      progress.check()
      await seam.effect({ kind: `fake.${kind}`, object, mutates: true }, async () => {
        const latencyMs = options.latencyMs?.(kind) ?? 0
        if (latencyMs > 0) await seam.sleep(latencyMs)
        reach()
        mutate()
        notifyChange(world)
      })
    },
    same: isDeepStrictEqual,
    close: () => void (isClosed = true),
  }
}
