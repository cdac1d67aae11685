import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import { seenAddresses } from '../../guest/climb.ts'
import type { SnapshotDefinition } from '../../hypervisor/snapshots.ts'
import type { Hypervisor } from '../../hypervisor/contract.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Decision, LayerToCreate } from '../../snapshots/decide.ts'
import { writeNote } from '../../snapshots/note.ts'
import type { Guest } from './job.ts'
import { shutDown, startMachine } from './power.ts'
import { standDownCloudInit } from './stand-down.ts'

/** Whether snapshots of a run hold memory, and where they do not although they might, why. */
export interface MemoryChoice {
  readonly memory: boolean
  readonly why: string | undefined
}

/** `lifecycle.memory`, by what the host can do. Throws `snapshot.unsupported` where it is required and cannot be. */
export async function chooseMemory(
  progress: Progress,
  { lifecycle, name }: InstanceSpec,
  host: Hypervisor,
): Promise<MemoryChoice> {
  if (lifecycle.memory === 'never') return { memory: false, why: undefined }
  const why = await host.whyNoMemorySnapshot(progress, name)
  if (why === undefined) return { memory: true, why: undefined }
  if (lifecycle.memory === 'auto') return { memory: false, why }
  throw new ProvisionError('snapshot.unsupported', {
    message: `Snapshots of ${name} have to hold its memory (lifecycle.memory: require), and cannot: ${why}.`,
    hint: 'Set `lifecycle.memory` to `auto`, or change the machine so that its memory can be kept.',
    details: { instance: name, why },
  })
}

/** Removes the snapshot that a killed run was making, if it is not whole. */
export async function removeHalfMade(progress: Progress, { machine }: Guest): Promise<void> {
  const { making } = machine.mark
  if (making === undefined) return
  const observed = await machine.host.listSnapshots(progress, machine.name)
  const isHalf = observed.some(({ name, note }) => name === making && note === undefined)
  if (!isHalf) return
  await machine.change(progress, () => machine.host.deleteSnapshot(progress, machine.name, making))
}

/** Brings the machine back to a layer. With its memory it runs afterwards, else it is off. */
export async function restoreLayer(
  progress: Progress,
  { machine, line, job }: Guest,
  { layer, snapshot, over }: NonNullable<Decision['restore']>,
): Promise<void> {
  await line.drop()
  await machine.change(progress, async () => {
    if ((await machine.state(progress)) !== 'stopped')
      await machine.host.stopVm(progress, machine.name, 'force')
    for (const name of over) await machine.host.deleteSnapshot(progress, machine.name, name)
    await machine.host.restoreSnapshot(progress, machine.name, snapshot)
    await machine.writeMark(progress, { run: job.results.id, used: layer !== 'clean' })
  })
}

/**
 * Keeps a layer. The guest is asked to write out what it has not written yet; without memory it is then shut down,
 * kept, and started again, from now on without cloud-init where that has nothing left to do. Tells in words what there
 * is to know.
 */
export async function createLayer(
  progress: Progress,
  guest: Guest,
  layer: LayerToCreate,
  { discard, memory }: { readonly discard: boolean; readonly memory: MemoryChoice },
): Promise<string> {
  const { machine, line } = guest
  const definition = {
    name: layer.snapshot,
    description: `${layer.layer} of ${layer.note.project}, made by vmwright`,
    note: writeNote(layer.note),
  }
  if (discard)
    await machine.change(progress, () => machine.host.deleteSnapshot(progress, machine.name, layer.snapshot))
  const cloudInit = memory.memory ? undefined : await standDownCloudInit(progress, guest)
  await flush(progress, guest)
  await line.drop()
  const addresses = seenAddresses(await machine.host.guest(machine.name).addresses(progress))
  await machine.writeMark(progress, { making: layer.snapshot, addresses })
  const how = await createSnapshot(progress, guest, definition, memory)
  await machine.writeMark(progress, { making: undefined })
  return cloudInit === undefined ? how : `${how}; ${cloudInit}`
}

async function createSnapshot(
  progress: Progress,
  guest: Guest,
  definition: SnapshotDefinition,
  memory: MemoryChoice,
): Promise<string> {
  const { machine, line } = guest
  const { name } = definition
  let why = memory.why
  if (memory.memory) {
    try {
      await machine.change(progress, () =>
        machine.host.createSnapshot(progress, machine.name, { ...definition, memory: true }),
      )
      return `kept as ${name}, with its memory`
    } catch (error) {
      const isFatal = guest.job.instance.lifecycle.memory === 'require'
      if (isFatal || !isProvisionError(error, 'snapshot.unsupported')) throw error
      why = error.message
    }
  }
  await shutDown(progress, machine.host, machine.name, guest.job.instance.lifecycle.shutdown)
  await machine.change(progress, async () => {
    await machine.host.createSnapshot(progress, machine.name, definition)
    await startMachine(progress, machine.host, machine.name)
  })
  await line.awaitReachable(progress)
  return `kept as ${name}, without memory${why === undefined ? '' : `: ${why}`}`
}

async function flush(progress: Progress, { line, job }: Guest): Promise<void> {
  const channel = await line.current(progress)
  const { exitCode, stderr } = await channel.run(progress, { script: 'sync' })
  if (exitCode === 0) return
  throw new ProvisionError('guest.command-failed', {
    message: `${job.instance.name} could not write out its files before a snapshot: ${stderr.trim() || `exit code ${exitCode}`}`,
  })
}
