import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostRecords } from '../../../host/records.ts'
import type { HostShell } from '../../host-shell.ts'

export function hostRecords(shell: HostShell): HostRecords {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not there on ${shell.host} yet.` })
  }
  return { census: missing, keep: missing, kept: missing, forget: missing }
}
