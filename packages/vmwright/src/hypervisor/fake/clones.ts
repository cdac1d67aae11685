import type { Progress } from '../../lib/progress.ts'
import type { DiskClone, DiskEdit, HostFiles } from '../contract.ts'
import type { FakeContext } from './context.ts'

export async function cloneDisk(
  _context: FakeContext,
  _progress: Progress,
  _clone: DiskClone,
): Promise<void> {}
export async function editDisks(_context: FakeContext, _progress: Progress, _edit: DiskEdit): Promise<void> {}
export const hostFiles = (_context: FakeContext): HostFiles => ({
  inspect: async () => [],
  protect: async () => {},
  release: async () => {},
  emptyWorkspace: async () => {},
  checkAccess: async () => ({ user: 'nobody', blocked: [], confined: [] }),
  repairAccess: async () => {},
  undoAccess: async () => [],
})
