import type { FakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam, type FakeSeam } from '../../lib/testing/fake-seam.ts'

/**
 * Runs `work` on a copy of the world for every numbered effect and both sides of it, until none is left to kill. Its
 * seed is not that of the run that made `start`. Tells how many kills there were.
 */
export async function killEverywhere(
  start: FakeWorld,
  work: (world: FakeWorld, seam: FakeSeam) => Promise<unknown>,
  check: (world: FakeWorld) => Promise<void>,
): Promise<number> {
  let kills = 0
  for (const when of ['before', 'after'] as const) {
    for (let ordinal = 1; ; ordinal++) {
      const world = structuredClone(start)
      const seam = createFakeSeam({ seed: 7 })
      seam.killAt(ordinal, when)
      await work(world, seam).catch(() => undefined)
      if (!seam.killed) break
      kills++
      await check(world)
    }
  }
  return kills
}
