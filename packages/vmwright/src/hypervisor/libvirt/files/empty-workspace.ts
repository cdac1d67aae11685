import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'

export async function emptyWorkspace(_shell: HostShell, _progress: Progress, _path: string): Promise<void> {}
