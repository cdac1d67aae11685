import type { Progress } from '../../lib/progress.ts'
import type { DiskEdit } from '../contract.ts'
import type { HostAccess } from './clone-disk.ts'

export async function editDisks(_host: HostAccess, _progress: Progress, _edit: DiskEdit): Promise<void> {}
