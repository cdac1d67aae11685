import { calls, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import { askQemu } from './monitor.ts'
import { newUuid } from './random.ts'
import type { Session } from './session.ts'

/**
 * Snapshots that QEMU itself makes and brings back (its jobs `snapshot-save`, `snapshot-load` and `snapshot-delete`), in
 * the disks that it is told; libvirt would take all that are written to, and refuses where one of them is the raw
 * flash file of the firmware. That needs no snapshot: QEMU keeps flash in memory, saves it with that, and writes it
 * back to its file when the machine goes on (hw/block/pflash_cfi01.c, `postload_update_cb`). So memory, disks and
 * firmware variables are of one instant, in which the machine stands still.
 */

/** 6.0, as libvirt counts. */
const firstQemu = 6_000_000n
const timeoutMs = 600_000

/** As a sentence; `undefined`: this QEMU has the jobs. */
export async function whyNoQemuSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
): Promise<string | undefined> {
  const purpose = { object: vm, doing: 'read the version of the hypervisor' }
  const { version } = await session.call(progress, calls.connectGetVersion, {}, purpose)
  return version >= firstQemu
    ? undefined
    : 'it has UEFI firmware, and its QEMU is older than 6.0, which cannot leave the flash file out of a snapshot'
}

/** Saves memory in the first disk and snapshots all; one of that name that lies there, of whomever, is replaced. */
export async function saveByQemu(
  session: Session,
  progress: Progress,
  domain: Domain,
  tag: string,
): Promise<void> {
  await deleteByQemu(session, progress, domain, tag)
  const devices = (await nodesOf(session, progress, domain)).map(({ node }) => node)
  await runJob(session, progress, domain, 'snapshot-save', { tag, vmstate: devices[0], devices })
}

/** The machine has to be as it was when it was saved; whether it runs or is paused, it stays so. */
export async function loadByQemu(
  session: Session,
  progress: Progress,
  domain: Domain,
  tag: string,
): Promise<void> {
  const nodes = (await nodesOf(session, progress, domain)).filter(({ tags }) => tags.has(tag))
  const vmstate = nodes.find(({ tags }) => (tags.get(tag) ?? 0) > 0)?.node
  if (vmstate === undefined)
    throw new ProvisionError('host.operation-failed', {
      message: `Could not restore snapshot ${tag} of machine ${domain.name} on host ${session.host}: its disks do not hold the memory.`,
      details: { host: session.host, vm: domain.name, snapshot: tag },
    })
  const devices = nodes.map(({ node }) => node)
  await runJob(session, progress, domain, 'snapshot-load', { tag, vmstate, devices })
}

/** Of a machine that runs or is paused. Nothing to do where no disk has it. */
export async function deleteByQemu(
  session: Session,
  progress: Progress,
  domain: Domain,
  tag: string,
): Promise<void> {
  const nodes = (await nodesOf(session, progress, domain)).filter(({ tags }) => tags.has(tag))
  if (nodes.length === 0) return
  const devices = nodes.map(({ node }) => node)
  await runJob(session, progress, domain, 'snapshot-delete', { tag, devices })
}

interface DiskNode {
  /** QEMU's name for it. */
  readonly node: string
  /** Its snapshots, each with the bytes of memory that lie in this disk. */
  readonly tags: ReadonlyMap<string, number>
}

/** What `query-block` tells of a disk, as far as it matters (qapi/block-core.json, `BlockInfo`). */
interface BlockInfo {
  readonly inserted?: {
    readonly 'node-name'?: string
    readonly drv: string
    readonly ro: boolean
    readonly image: {
      readonly snapshots?: readonly { readonly name: string; readonly 'vm-state-size': number }[]
    }
  }
}

/** The disks that can hold snapshots, in the machine's order. */
async function nodesOf(session: Session, progress: Progress, domain: Domain): Promise<readonly DiskNode[]> {
  const blocks = (await askQemu(session, progress, domain, 'query-block', {})) as readonly BlockInfo[]
  return blocks.flatMap(({ inserted }) => {
    const node = inserted?.['node-name']
    if (node === undefined || inserted?.drv !== 'qcow2' || inserted.ro) return []
    const { snapshots = [] } = inserted.image
    return [{ node, tags: new Map(snapshots.map((each) => [each.name, each['vm-state-size']])) }]
  })
}

/** qapi/job.json, `JobInfo` */
interface JobInfo {
  readonly id: string
  readonly status: string
  readonly error?: string
}

/** Nothing interrupts such a job: QEMU does nothing else until it is done. So it is waited for, whoever has given up. */
async function runJob(
  session: Session,
  progress: Progress,
  domain: Domain,
  execute: 'snapshot-save' | 'snapshot-load' | 'snapshot-delete',
  args: Readonly<Record<string, unknown>>,
): Promise<void> {
  progress.check()
  const { seam } = progress
  const patient = new Progress(seam, { deadlineMs: seam.monotonicMs() + timeoutMs })
  const ask = (command: string, words: Readonly<Record<string, unknown>>): Promise<unknown> =>
    askQemu(session, patient, domain, command, words, { lane: 'slow', timeoutMs })
  const id = `vmwright-${newUuid(seam)}`
  await ask(execute, { 'job-id': id, ...args })
  const job = await patient.poll({ everyMs: 20, what: `${execute} of ${domain.name}` }, async () => {
    const jobs = (await ask('query-jobs', {})) as readonly JobInfo[]
    const own = jobs.find((each) => each.id === id) ?? { id, status: 'concluded', error: 'QEMU forgot it' }
    return own.status === 'concluded' ? own : undefined
  })
  await ask('job-dismiss', { id }).catch(() => {})
  if (job.error === undefined) return
  throw new ProvisionError('host.operation-failed', {
    message: `QEMU of machine ${domain.name} on host ${session.host} failed at ${execute}: ${job.error.replace(/\.$/, '')}.`,
    details: { host: session.host, vm: domain.name, tag: args['tag'] },
  })
}
