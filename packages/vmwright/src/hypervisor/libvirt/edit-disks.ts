import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { DiskEdit } from '../disks.ts'
import type { HostAccess } from './clone-disk.ts'
import { applyChanges } from './guestfish/apply.ts'
import { GuestfishEnded, withGuestfish } from './guestfish/conversation.ts'
import { mountSystem, type MountResult } from './guestfish/mount.ts'
import { CommandFailed } from './guestfish/run.ts'
import { whyNoEdit } from './guestfish/why-no-edit.ts'
import { mapParallel } from './session.ts'
import { volumePath } from './volumes.ts'

/**
 * Writes files into the disks of a stopped machine by libguestfs, on the host that has the disks, and runs commands
 * there. May be repeated.
 * Throws `host.tool-missing`, `disk.no-system`, `disk.edit-failed`, and `host.operation-failed` when the machine runs.
 */
export async function editDisks(
  { session, shell }: Pick<HostAccess, 'session' | 'shell'>,
  progress: Progress,
  edit: DiskEdit,
): Promise<void> {
  const domain = await session.findDomain(progress, edit.vm)
  if (domain !== undefined && domain.id >= 0)
    throw new ProvisionError('host.operation-failed', {
      message: `Could not write into the disks of ${edit.vm} on host ${session.host}: it is running.`,
      hint: 'Stop it first.',
      details: { host: session.host, vm: edit.vm },
    })
  const disks = await mapParallel(edit.disks, async ({ volume, format }) => ({
    path: await volumePath(session, progress, volume),
    format,
  }))
  const runs = edit.changes.some(({ kind }) => kind === 'run')
  const use = {
    acceleration: edit.acceleration,
    disk: disks[0]?.path ?? '/dev/null',
    limit: runs ? 'of-the-step' : 'usual',
  } as const
  const effect = { kind: 'guestfish.edit', object: edit.vm, mutates: true }
  const result = await progress.seam
    .effect(effect, () =>
      withGuestfish(progress, shell, use, async (guestfish): Promise<MountResult> => {
        progress.report({ what: `the appliance of libguestfs for ${edit.vm}` })
        for (const { path, format } of disks) await guestfish.ask('add-drive', path, `format:${format}`)
        if (runs) await guestfish.ask('set-network', 'true')
        await guestfish.ask('launch')
        progress.report({ what: `the file systems of ${edit.vm}` })
        const mounted = await mountSystem(guestfish, edit)
        if (mounted.kind !== 'mounted') return mounted
        progress.report({ what: `the identity of ${edit.vm}` })
        await applyChanges(guestfish, edit.changes, (what) =>
          progress.report({ what: `${what} in the disks of ${edit.vm}` }),
        )
        await guestfish.ask('umount-all')
        await guestfish.ask('shutdown')
        return mounted
      }),
    )
    .catch((error: unknown) => explain(error))
  if (result.kind !== 'mounted') throw refusal(result)

  async function explain(error: unknown): Promise<never> {
    if (error instanceof CommandFailed) throw commandFailed(error)
    if (!(error instanceof GuestfishEnded)) throw error
    const why = progress.remainingMs > 0 ? await whyNoEdit(shell, progress) : undefined
    if (why !== undefined)
      throw new ProvisionError('host.tool-missing', {
        message: `Could not write into the disks of ${edit.vm} on host ${session.host}: ${why}.`,
        details: { host: session.host, vm: edit.vm },
      })
    throw failed(error.message, error)
  }

  function refusal(reason: Exclude<MountResult, { kind: 'mounted' }>): ProvisionError {
    if (reason.kind === 'missing')
      return failed(`its ${reason.path} is on ${reason.source}, which is not on its disks or is encrypted`)
    const { encrypted } = reason
    return new ProvisionError('disk.no-system', {
      message: `Found no Linux system on the disks of ${edit.vm} on host ${session.host}${
        encrypted.length === 0 ? '' : `: ${encrypted.join(', ')} is encrypted (LUKS)`
      }.`,
      details: { host: session.host, vm: edit.vm, disks: disks.map(({ path }) => path), encrypted },
    })
  }

  function commandFailed(error: CommandFailed): ProvisionError {
    const { title, status, lastLines } = error
    const output = lastLines.join('\n')
    return new ProvisionError('disk.edit-failed', {
      message: `Could not ${title} in the disks of ${edit.vm} on host ${session.host}: status ${status}${
        output === '' ? ', and it said nothing' : `.\n${output}`
      }`,
      hint: 'Correct `customise` in the spec, or what the command needs from outside, and apply again: the disk is made anew.',
      details: { host: session.host, vm: edit.vm, command: title, status, output },
      cause: error,
    })
  }

  function failed(reason: string, cause?: unknown): ProvisionError {
    return new ProvisionError('disk.edit-failed', {
      message: `Could not write into the disks of ${edit.vm} on host ${session.host}: ${reason}`,
      details: { host: session.host, vm: edit.vm, disks: disks.map(({ path }) => path) },
      cause,
    })
  }
}
