import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { ForkDefinition, Freezing } from '../../forks.ts'
import type { HostAccess } from '../clone-disk.ts'
import { listSnapshots } from '../snapshot-list.ts'
import { createSnapshot, deleteSnapshot, restoreSnapshot } from '../snapshots.ts'
import { freezeRunning } from './freeze.ts'
import { lasting } from '../lasting.ts'

/** Holds what the machine was while it is at an older snapshot. */
const bookmark = 'vmwright-before-fork'

/**
 * Freezes the machine as it is, or at one of its snapshots: it is brought there and back. What it was meanwhile is in a
 * snapshot too, so that a freeze that is killed loses nothing: the next one brings it back first.
 */
export async function freezeAt(
  host: HostAccess,
  progress: Progress,
  source: ForkDefinition,
  folder: string,
): Promise<Freezing> {
  const { session } = host
  const { vm, snapshot } = source
  const snapshots = await listSnapshots(host, progress, vm)
  if (snapshots.some(({ name }) => name === bookmark)) await comeBack(host, progress, vm)
  if (snapshot === undefined) return freezeRunning(host, progress, source, folder)
  const wanted = snapshots.find(({ name }) => name === snapshot)
  if (wanted?.memory !== true)
    throw new ProvisionError(wanted === undefined ? 'snapshot.not-found' : 'fork.unsupported', {
      message: `Machine ${vm} on host ${session.host} has no snapshot ${snapshot}${wanted === undefined ? '' : ' with its memory'}.`,
      details: { host: session.host, vm, snapshot, snapshots: snapshots.map(({ name }) => name) },
    })
  const description = `${vm} before it was forked at ${snapshot}`
  await createSnapshot(session, progress, vm, { name: bookmark, description, memory: true })
  try {
    await restoreSnapshot(session, progress, vm, snapshot)
    return await freezeRunning(host, progress, source, folder)
  } finally {
    await comeBack(host, lasting(progress), vm)
  }
}

async function comeBack({ session }: HostAccess, progress: Progress, vm: string): Promise<void> {
  await restoreSnapshot(session, progress, vm, bookmark)
  await deleteSnapshot(session, progress, vm, bookmark)
}
