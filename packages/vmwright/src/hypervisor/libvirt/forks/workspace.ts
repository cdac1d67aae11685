import type { Progress } from '../../../lib/progress.ts'
import type { HostAccess } from '../clone-disk.ts'
import { onHost } from './source-files.ts'

/** Where a source lies while it is made. */
export interface Workspace {
  readonly folder: string
  /** What libvirt makes the mother's memory of. */
  readonly memory: 'memfd' | 'file'
}

/**
 * A folder in the host's memory, for the saved state and for the mother's memory: neither has to reach a disk, and
 * waiting for that takes most of the time of a freeze otherwise, for a part of which the machine stands still. Where the
 * host has not enough memory left for both and as much again, it is the pool's folder. What a freeze that was killed left
 * is removed.
 */
export async function openWorkspace(
  host: HostAccess,
  progress: Progress,
  {
    name,
    memoryKib,
    otherwise,
  }: { readonly name: string; readonly memoryKib: number; readonly otherwise: string },
): Promise<Workspace> {
  const what = { doing: `make room to freeze ${name}`, object: name, kind: 'openWorkspace', mutates: true }
  const script = `${removal}
while read -r key value unit; do [ "$key" != MemAvailable: ] || available=$value; done </proc/meminfo
room=$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')
[ "\${available:-0}" -gt "$2" ] && [ "\${room:-0}" -gt "$2" ] || exit 0
mktemp -d "/dev/shm/vmwright-$1.XXXXXX"`
  const folder = (await onHost(host, progress, what, script, [name, String(3 * memoryKib)])).trim()
  return folder === '' ? { folder: otherwise, memory: 'file' } : { folder, memory: 'memfd' }
}

/** Repeatable. */
export async function closeWorkspace(host: HostAccess, progress: Progress, name: string): Promise<void> {
  const what = { doing: `clean up after ${name}`, object: name, kind: 'closeWorkspace', mutates: true }
  await onHost(host, progress, what, removal, [name])
}

const removal = 'rm -rf -- "/dev/shm/vmwright-$1".??????'
