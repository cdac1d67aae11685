import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'

/** Removes the incomplete clones in the folder, and the folder when nothing else is in it. Safe to repeat. */
export async function emptyWorkspace(shell: HostShell, progress: Progress, path: string): Promise<void> {
  const { exitCode, stderr } = await shell.run(progress, {
    script: emptyScript,
    arguments: [path],
    effect: { kind: 'shell.empty-workspace', object: path, mutates: true },
    privileged: true,
  })
  if (exitCode === 0) return
  throw new ProvisionError('host.operation-failed', {
    message: `Could not empty the workspace ${path} on host ${shell.host}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    details: { host: shell.host, path },
  })
}

const emptyScript = `
if [ ! -d "$1" ]; then exit 0; fi
rm -f -- "$1"/.vmwright-*.partial || exit 1
rmdir -- "$1" 2>/dev/null || :
`
