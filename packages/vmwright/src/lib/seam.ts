import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

/** One touch of the outside world: which call, on what, and whether it changes anything there. */
export interface Effect {
  /** `libvirt.domainCreate`, `file.rename`, `http.get`, … */
  readonly kind: string
  readonly object: string
  readonly mutates: boolean
}

/**
 * The one place through which hypervisor calls, file changes, the network, the clock and randomness pass.
 * Faults and kills are injected here, so that "kill at every effect" is a loop in a test.
 */
export interface Seam {
  effect<T>(effect: Effect, run: () => Promise<T>): Promise<T>
  /** Wall clock, milliseconds since the epoch. For display and file ages only; deadlines use `monotonicMs`. */
  nowMs(): number
  monotonicMs(): number
  /** Resolves after `ms`, rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  randomBytes(count: number): Uint8Array
}

/** What a seam tells about each effect; used to count mutations and to inject faults. */
export interface EffectHooks {
  before?(effect: Effect, ordinal: number): void | Promise<void>
  after?(effect: Effect, ordinal: number): void | Promise<void>
}

/** The real world. `ordinal` counts mutating effects from 1; reads pass with ordinal 0. */
export function realSeam(hooks: EffectHooks = {}): Seam {
  let mutations = 0
  return {
    async effect(effect, run) {
      const ordinal = effect.mutates ? ++mutations : 0
      await hooks.before?.(effect, ordinal)
      const result = await run()
      await hooks.after?.(effect, ordinal)
      return result
    },
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    async sleep(ms, signal) {
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
        throw signal?.reason ?? error
      })
    },
    randomBytes: (count) => randomBytes(count),
  }
}

/**
 * Hooks for the environment variable `VMWRIGHT_FAULT`: `kill:before:N` or `kill:after:N` ends this process with
 * SIGKILL around its N-th mutating effect. It exists for the crash tests, which must kill a real process.
 */
export function hooksFromEnvironment(value: string | undefined): EffectHooks {
  const match = /^kill:(before|after):(\d+)$/.exec(value ?? '')
  if (match === null) return {}
  const [, when, count] = match
  const at = Number(count)
  const die = (_effect: Effect, ordinal: number): void | Promise<void> => {
    if (ordinal !== at) return
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }
  return when === 'before' ? { before: die } : { after: die }
}
