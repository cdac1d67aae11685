import { ProvisionError } from '../../lib/errors.ts'
import type { HostSystem } from '../host/system.ts'
import type { FakeContext } from './context.ts'

/** The host below the in-memory hypervisor. */
export function fakeSystem({ world }: FakeContext): HostSystem {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not on ${world.host} yet.` })
  }
  return {
    host: world.host,
    whyNot: world.capabilities.noShell,
    items: { inspect: missing, change: missing, changes: missing, restore: missing },
    network: { read: missing },
    rules: { read: async () => [], apply: missing, remove: missing },
    bridges: { inspect: missing, make: missing, remove: missing },
    records: { census: missing, keep: missing, kept: missing, forget: missing },
  }
}
