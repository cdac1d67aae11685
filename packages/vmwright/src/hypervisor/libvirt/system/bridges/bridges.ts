import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostBridges } from '../../../host/bridges.ts'
import type { HostShell } from '../../host-shell.ts'

export function hostBridges(shell: HostShell): HostBridges {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not there on ${shell.host} yet.` })
  }
  return { inspect: missing, make: missing, remove: missing }
}
