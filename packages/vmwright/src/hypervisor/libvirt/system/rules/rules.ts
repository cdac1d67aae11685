import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostRules } from '../../../host/rules.ts'
import type { HostShell } from '../../host-shell.ts'

export function hostRules(shell: HostShell): HostRules {
  const missing = async (): Promise<never> => {
    throw new ProvisionError('internal.bug', { message: `Not there on ${shell.host} yet.` })
  }
  return { read: missing, apply: missing, remove: missing }
}
