import type { Progress } from '../../../lib/progress.ts'
import type { AccessChange, AccessRepair, AccessReport, AccessRequest } from '../../contract.ts'
import type { HostShell } from '../host-shell.ts'

export async function checkAccess(
  _shell: HostShell,
  _progress: Progress,
  _request: AccessRequest,
): Promise<AccessReport> {
  return { user: '', by: 'test', missing: [], blocked: [], confined: [] }
}
export async function repairAccess(
  _shell: HostShell,
  _progress: Progress,
  _repairs: readonly AccessRepair[],
): Promise<readonly AccessChange[]> {
  return []
}
export async function grantedAccess(
  _shell: HostShell,
  _progress: Progress,
): Promise<readonly AccessRepair[]> {
  return []
}
export async function undoAccess(_shell: HostShell, _progress: Progress): Promise<readonly AccessChange[]> {
  return []
}
