import type { HostFiles } from '../host-files.ts'
import { checkAccess } from './access/access.ts'
import { grantedAccess, repairAccess, undoAccess } from './access/repair.ts'
import { emptyWorkspace } from './files/empty-workspace.ts'
import { inspectFiles } from './files/inspect.ts'
import { protectFiles, releaseFiles } from './files/protect.ts'
import type { HostShell } from './host-shell.ts'

/** Files of the host, by way of a shell there. */
export const hostFiles = (shell: HostShell): HostFiles => ({
  inspect: (progress, paths, options) => inspectFiles(shell, progress, paths, options),
  protect: (progress, paths) => protectFiles(shell, progress, paths),
  release: (progress, paths) => releaseFiles(shell, progress, paths),
  emptyWorkspace: (progress, path) => emptyWorkspace(shell, progress, path),
  checkAccess: (progress, request) => checkAccess(shell, progress, request),
  repairAccess: (progress, repairs) => repairAccess(shell, progress, repairs),
  grantedAccess: (progress) => grantedAccess(shell, progress),
  undoAccess: (progress) => undoAccess(shell, progress),
})
