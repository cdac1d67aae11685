import type { Progress } from '../../../lib/progress.ts'
import type { AccessRepair, AccessReport, AccessRequest } from '../../contract.ts'
import type { HostShell } from '../host-shell.ts'

export async function checkAccess(
  _shell: HostShell,
  _progress: Progress,
  _request: AccessRequest,
): Promise<AccessReport> {
  return { user: '', blocked: [], confined: [] }
}
export async function repairAccess(
  _shell: HostShell,
  _progress: Progress,
  _repairs: readonly AccessRepair[],
): Promise<void> {}
export async function undoAccess(_shell: HostShell, _progress: Progress): Promise<readonly AccessRepair[]> {
  return []
}
