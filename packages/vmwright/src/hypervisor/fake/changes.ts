import type { FakeWorld } from './world.ts'

const versions = new WeakMap<FakeWorld, number>()
const listeners = new WeakMap<FakeWorld, Set<() => void>>()

/** Tells everybody who waits for something on this world to look again. */
export function notifyChange(world: FakeWorld): void {
  versions.set(world, versionOf(world) + 1)
  for (const listener of listeners.get(world) ?? []) listener()
}

/** Calls back after each change; returns the function that stops it. */
export function onWorldChange(world: FakeWorld, listener: () => void): () => void {
  const ofWorld = listeners.get(world) ?? new Set()
  listeners.set(world, ofWorld)
  ofWorld.add(listener)
  return () => void ofWorld.delete(listener)
}

/** Grows with each change, so that one between a look and the wait for the next change is not missed. */
export const versionOf = (world: FakeWorld): number => versions.get(world) ?? 0
