import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { PhaseName } from '../spec/resolved-lifecycle.ts'

/**
 * A snapshot's note has the key of what it really holds. Where a run had to leave the way that the layer's key stands
 * for, the note gets another one, which no run will ask for by mistake.
 */

/** Made while these phases existed and were not allowed to run. */
export const withoutPhases = (key: string, skipped: readonly PhaseName[]): string =>
  skipped.length === 0 ? key : derived(key, { without: skipped })

/** Made on a layer with a key that was not asked for: one with a revision given by hand. */
export const onOtherLayer = (key: string, lowerKey: string): string => derived(key, { on: lowerKey })

/** Made on a machine on which phases had run before. */
export const ofUsedMachine = (key: string): string => derived(key, { used: true })

const derived = (key: string, way: Readonly<Record<string, unknown>>): string =>
  sha256Hex(canonicalJson([key, way]))
