import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import type { DiskClone } from '../disks.ts'
import { busy, shrinkRefused, type HostAccess } from './clone-disk.ts'
import { cloneScript, exit, partialName, removeScript } from './clone-script.ts'
import { sectorBytes, volumePath } from './volumes.ts'

const cleanUpMs = 10_000

/**
 * Copies or reflinks by `cp` on the host. `exists`: a file of the final name is there, unknown to the pool, and was
 * to be kept. A copy that fails or is cancelled removes what it began.
 */
export async function copyByShell(
  host: HostAccess,
  progress: Progress,
  clone: DiskClone,
): Promise<'made' | 'exists'> {
  const { session, shell } = host
  const target = await volumePath(session, progress, clone)
  const partial = partialName(clone.name, progress.seam.randomBytes(4))
  const { workspace, sizeBytes } = clone
  const places = {
    folder: dirname(target),
    workspace: workspace ?? '',
    partial,
    // The incomplete files of earlier runs have the same name with other random digits.
    stale: partial.slice(0, -'xxxxxxxx.partial'.length),
  }
  const size = sizeBytes === undefined ? '' : String(Math.ceil(sizeBytes / sectorBytes) * sectorBytes)
  const what = `copy of ${clone.from.path}`
  let total: number | undefined
  const onLine = (line: string): void => {
    const [word, bytes] = line.split(' ')
    if (word === 'total') total = Number(bytes)
    if (word === 'copied')
      progress.report({ what, done: Number(bytes), ...(total === undefined ? {} : { total }), unit: 'bytes' })
  }
  const object = `${clone.pool}/${clone.name}`
  try {
    const { exitCode, stderr } = await shell.run(progress, {
      script: cloneScript,
      arguments: [
        clone.mode,
        clone.from.format,
        clone.from.path,
        target,
        size,
        clone.existing,
        places.folder,
        places.workspace,
        places.partial,
        places.stale,
      ],
      effect: { kind: 'shell.clone-disk', object, mutates: true },
      privileged: true,
      onLine: (line, stream) => stream === 'stdout' && onLine(line),
    })
    if (exitCode === 0) return 'made'
    if (exitCode === exit.exists) return 'exists'
    throw failure(host, clone, exitCode, stderr.trim())
  } catch (error) {
    if (progress.signal.aborted || progress.remainingMs === 0) {
      // What watches over the copy on the host ends it within a second; the undo of the caller shall find nothing.
      const command = {
        script: removeScript,
        arguments: [places.folder, places.workspace, partial],
        privileged: true,
      }
      const effect = { kind: 'shell.remove-partial', object, mutates: true }
      const limited = new Progress(progress.seam).child({ timeoutMs: cleanUpMs })
      await shell.run(limited, { ...command, effect }).catch(() => undefined)
    }
    throw error
  }
}

function failure(host: HostAccess, clone: DiskClone, exitCode: number, stderr: string): ProvisionError {
  const { session } = host
  const reason = stderr.split('\n').at(-1) ?? ''
  const where = `volume ${clone.name} in pool ${clone.pool} on host ${session.host}`
  const details = { host: session.host, pool: clone.pool, volume: clone.name, from: clone.from.path }
  if (exitCode === exit.tooSmall) return shrinkRefused(session, clone)
  if (stderr.includes('No space left on device') || stderr.includes('Disk quota exceeded')) {
    return new ProvisionError('pool.full', {
      message: `Could not clone ${clone.from.path} to ${where}: ${reason}`,
      details,
    })
  }
  if (exitCode === exit.noReflink) {
    return new ProvisionError('disk.no-reflink', {
      message: `Could not share the blocks of ${clone.from.path} with ${where}: ${reason}`,
      details,
    })
  }
  if (/Failed to get .*lock/.test(stderr)) return busy(session, clone, reason)
  return new ProvisionError('host.operation-failed', {
    message: `Could not clone ${clone.from.path} to ${where}: ${reason === '' ? `the copy ended with ${exitCode}` : reason}`,
    details: { ...details, exitCode },
  })
}
