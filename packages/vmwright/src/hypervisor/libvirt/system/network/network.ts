import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostNetwork } from '../../../host/network.ts'
import type { HostShell } from '../../host-shell.ts'

export function hostNetwork(shell: HostShell): HostNetwork {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not there on ${shell.host} yet.` })
  }
  return { read: missing }
}
