import { ProvisionError } from '../../../lib/errors.ts'
import type { HostNetworks } from '../../networks.ts'
import type { Session } from '../session.ts'

/** Networks of libvirt that are made here. */
export function hostNetworks(session: Session): HostNetworks {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `No networks on ${session.host} yet.` })
  }
  return { ensure: missing, update: missing, remove: missing, reattach: missing }
}
