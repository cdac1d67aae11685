import type { HostSystem } from '../host/system.ts'
import type { Seam } from '../../lib/seam.ts'
import { fakeBridges } from './bridges.ts'
import { createContext, type FakeContext, type FakeOptions } from './context.ts'
import { requireShell } from './files.ts'
import { networkFacts } from './host-network.ts'
import { fakeItems } from './items.ts'
import { fakeRecords } from './records.ts'
import { fakeRules } from './rules.ts'
import type { FakeWorld } from './world.ts'

/** The host below an in-memory hypervisor, for what works without one that answers. */
export const openFakeSystem = (world: FakeWorld, seam: Seam, options: FakeOptions = {}): HostSystem =>
  fakeSystem(createContext(world, seam, options))

/** The host below the in-memory hypervisor: every method needs a shell on it. */
export function fakeSystem(context: FakeContext): HostSystem {
  const { world } = context
  const shell: FakeContext = {
    ...context,
    look: (progress, kind, object, read) =>
      context.look(progress, kind, object, () => {
        requireShell(context)
        return read()
      }),
    change: (progress, kind, object, mutate) =>
      context.change(progress, kind, object, () => {
        requireShell(context)
        mutate()
      }),
  }
  return {
    host: world.host,
    whyNot: world.capabilities.noShell,
    items: fakeItems(shell),
    network: {
      read: (progress) => shell.look(progress, 'readNetwork', world.host, () => networkFacts(world)),
    },
    rules: fakeRules(shell),
    bridges: fakeBridges(shell),
    records: fakeRecords(shell),
  }
}
