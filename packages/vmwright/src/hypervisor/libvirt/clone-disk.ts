import type { Progress } from '../../lib/progress.ts'
import type { DiskClone } from '../contract.ts'
import type { HostShell } from './host-shell.ts'
import type { Session } from './session.ts'

export interface HostAccess {
  readonly session: Session
  readonly shell: HostShell
}

export async function cloneDisk(_host: HostAccess, _progress: Progress, _clone: DiskClone): Promise<void> {}
