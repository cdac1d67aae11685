import { afterAll, beforeAll, describe } from 'vitest'
import { describeClones } from './conformance/clones.ts'
import { describeMachines } from './conformance/machines.ts'
import { describeNetworks } from './conformance/networks.ts'
import { describeLock, describeMemorySnapshots, describeSnapshots } from './conformance/snapshots.ts'
import { describeStorage } from './conformance/storage.ts'
import { createSuite, type HypervisorUnderTest, removeAll, type Suite } from './conformance/suite.ts'

export type { HypervisorUnderTest } from './conformance/suite.ts'

/**
 * The behaviour of every driver. The guests have 64 MiB and no operating system: nothing here waits for one, they
 * ignore requests to stop, and starts are few, because on a real host each costs half a second and each stop up to
 * three.
 */
export function describeHypervisor(name: string, setup: () => Promise<HypervisorUnderTest>): void {
  describe(`${name} behaves as a hypervisor`, () => {
    let suite: Suite
    beforeAll(async () => {
      suite = createSuite(await setup())
      const { host, progress, pool, poolPath } = suite
      await host.ensurePool(progress, { name: pool, path: poolPath })
    })
    afterAll(async () => {
      await removeAll(suite)
      await suite.cleanup()
      await suite.host.close()
    })
    describeStorage(() => suite)
    describeNetworks(() => suite)
    describeMachines(() => suite)
    describeClones(() => suite)
    describeSnapshots(() => suite)
    describeMemorySnapshots(() => suite)
    describeLock(() => suite)
  })
}
