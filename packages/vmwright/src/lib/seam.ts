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

/** Node takes a longer timer for one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1

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
      for (let leftMs = ms; leftMs >= 0; leftMs -= longestTimerMs) {
        await delay(Math.min(leftMs, longestTimerMs), undefined, signal && { signal }).catch(
          (error: unknown) => {
            throw signal?.reason ?? error
          },
        )
      }
    },
    randomBytes: (count) => randomBytes(count),
  }
}

/** The same seam, with a count of the mutating effects that were asked for. */
export function countingSeam(seam: Seam): { readonly seam: Seam; readonly mutations: () => number } {
  let count = 0
  const counting: Seam = {
    effect(effect, run) {
      if (effect.mutates) count++
      return seam.effect(effect, run)
    },
    nowMs: () => seam.nowMs(),
    monotonicMs: () => seam.monotonicMs(),
    sleep: (ms, signal) => seam.sleep(ms, signal),
    randomBytes: (bytes) => seam.randomBytes(bytes),
  }
  return { seam: counting, mutations: () => count }
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
