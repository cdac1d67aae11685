import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostItems } from '../../../host/items.ts'
import type { HostShell } from '../../host-shell.ts'

export function hostItems(shell: HostShell): HostItems {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not there on ${shell.host} yet.` })
  }
  return { inspect: missing, change: missing, changes: missing, restore: missing }
}
