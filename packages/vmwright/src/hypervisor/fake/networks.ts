import { ProvisionError } from '../../lib/errors.ts'
import type { HostNetworks } from '../networks.ts'
import type { FakeContext } from './context.ts'

/** Networks that drivers make in the world. */
export function fakeNetworks({ world }: FakeContext): HostNetworks {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `No networks on ${world.host} yet.` })
  }
  return { ensure: missing, update: missing, remove: missing, reattach: missing }
}
