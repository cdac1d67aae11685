import { ProvisionError } from '../errors.ts'
import type { Effect, Seam } from '../seam.ts'
import { createRandom } from './random.ts'
import { createVirtualClock } from './virtual-clock.ts'

/** What everything rejects with once the "process" is dead. Not a `ProvisionError`: nobody may handle it. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export interface JournalEntry extends Effect {
  /** Counts mutating effects from 1; 0 for reads. */
  readonly ordinal: number
}

type Fault =
  | { readonly kind: 'kill'; readonly when: 'before' | 'after' }
  | { readonly kind: 'fail'; readonly error: unknown }
  | { readonly kind: 'timeout-after' }

export interface FakeSeamOptions {
  /** Seeds randomness and the random faults. */
  readonly seed?: number
  /** Wall clock at the start, milliseconds since the epoch. The monotonic clock starts at 0. */
  readonly startMs?: number
  /** Chance from 0 to 1 that a mutating effect fails: half of them without, half of them with its effect done. */
  readonly faultProbability?: number
}

export interface FakeSeam extends Seam {
  /** Every effect that was begun, in order. */
  readonly effects: readonly JournalEntry[]
  readonly mutations: readonly JournalEntry[]
  readonly killed: boolean
  /** The process dies around its N-th mutating effect: from then on everything rejects and nothing happens. */
  killAt(ordinal: number, when: 'before' | 'after'): void
  /** The N-th mutating effect does not happen and rejects with this error. */
  failAt(ordinal: number, error: unknown): void
  /** The N-th mutating effect happens, but the caller sees `host.timeout`. */
  timeoutAfterAt(ordinal: number): void
  /** Dies now. */
  kill(): void
}

/** A seam with a virtual clock, repeatable randomness, a journal, and faults at chosen or random effects. */
export function createFakeSeam(options: FakeSeamOptions = {}): FakeSeam {
  const clock = createVirtualClock()
  const random = createRandom(options.seed ?? 1)
  const faultRandom = createRandom((options.seed ?? 1) ^ 0x5eed)
  const faults = new Map<number, Fault>()
  const effects: JournalEntry[] = []
  const startMs = options.startMs ?? Date.UTC(2026, 0, 1)
  let ordinals = 0
  let killed = false

  const randomFault = (): Fault | undefined => {
    if (faultRandom() >= (options.faultProbability ?? 0)) return undefined
    if (faultRandom() < 0.5) return { kind: 'timeout-after' }
    return { kind: 'fail', error: lost() }
  }
  const checkAlive = (): void => {
    if (killed) throw new Killed('the process is dead')
  }
  const kill = (): void => {
    killed = true
    clock.rejectAll(new Killed('the process is dead'))
  }

  return {
    effects,
    get mutations() {
      return effects.filter((entry) => entry.mutates)
    },
    get killed() {
      return killed
    },
    kill,
    killAt: (ordinal, when) => void faults.set(ordinal, { kind: 'kill', when }),
    failAt: (ordinal, error) => void faults.set(ordinal, { kind: 'fail', error }),
    timeoutAfterAt: (ordinal) => void faults.set(ordinal, { kind: 'timeout-after' }),

    async effect(effect, run) {
      checkAlive()
      const ordinal = effect.mutates ? ++ordinals : 0
      const fault = effect.mutates ? (faults.get(ordinal) ?? randomFault()) : undefined
      effects.push({ ...effect, ordinal })
      if (fault?.kind === 'kill' && fault.when === 'before') kill()
      checkAlive()
      if (fault?.kind === 'fail') throw fault.error
      const result = await run()
      if (fault?.kind === 'kill') kill()
      checkAlive()
      if (fault?.kind === 'timeout-after') throw timedOut(effect)
      return result
    },
    nowMs: () => startMs + clock.nowMs(),
    monotonicMs: () => clock.nowMs(),
    async sleep(ms, signal) {
      checkAlive()
      await clock.sleep(ms, signal)
    },
    randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
  }
}

const timedOut = (effect: Effect): ProvisionError =>
  new ProvisionError('host.timeout', {
    message: `The hypervisor did not finish ${effect.kind} of ${effect.object} in time.`,
    retryable: true,
  })

const lost = (): ProvisionError =>
  new ProvisionError('host.connection-lost', {
    message: 'The connection to the hypervisor broke.',
    retryable: true,
  })
