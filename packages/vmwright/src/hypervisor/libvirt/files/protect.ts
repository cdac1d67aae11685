import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'

export async function protectFiles(
  _shell: HostShell,
  _progress: Progress,
  _paths: readonly string[],
): Promise<void> {}
export async function releaseFiles(
  _shell: HostShell,
  _progress: Progress,
  _paths: readonly string[],
): Promise<void> {}
