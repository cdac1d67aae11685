import { ProvisionError } from '../lib/errors.ts'

/** There is no client for WinRM in this version: to be thrown wherever one would be needed. */
export const noWinrm = (name: string): ProvisionError =>
  new ProvisionError('guest.connection-unsupported', {
    message: `${name} cannot be worked on by WinRM: that needs a WinRM client, which this version does not have.`,
    hint: 'Use `connection.kind: ssh` with OpenSSH in the guest, or `agent`.',
    details: { name, kind: 'winrm' },
  })
