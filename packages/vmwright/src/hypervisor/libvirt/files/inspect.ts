import type { Progress } from '../../../lib/progress.ts'
import type { HostFile } from '../../contract.ts'
import type { HostShell } from '../host-shell.ts'

export async function inspectFiles(
  _shell: HostShell,
  _progress: Progress,
  _paths: readonly string[],
  _options: { readonly sha256: boolean },
): Promise<readonly HostFile[]> {
  return []
}
