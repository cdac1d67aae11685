import { calls, type Domain } from '@vmwright/libvirt'
import { ProvisionError, messageOf } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import { Revert } from '../../../lib/revert.ts'
import { childrenOf, el, find, parseXml, textAt, writeXml, type XmlElement } from '../../../lib/xml.ts'
import type { ForkDefinition, Freezing } from '../../forks.ts'
import type { HostAccess } from '../clone-disk.ts'
import { definitionXml } from '../disks.ts'
import { resumeVm } from '../power.ts'
import type { CallPurpose } from '../session.ts'
import { refreshPool } from '../volumes.ts'
import { variablesOf } from './fork-xml.ts'
import { lasting } from '../lasting.ts'
import { writeStream } from './mother.ts'
import { readSaveImage, saveDataBytes, saveHeaderBytes } from './save-image.ts'
import { onHost, readPart, sourceFiles, type SourceRecord, workFiles } from './source-files.ts'
import { closeWorkspace, openWorkspace } from './workspace.ts'

/** `VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA`: the files are all there is; libvirt need not know of them. */
const withoutMetadata = 4
const saveTimeoutMs = 600_000

/**
 * Makes a source of the machine as it runs. It stands still while its memory is saved and its disks are copied (blocks
 * are shared where the file system can), which takes a second or so; it is never stopped. The rest is done with a
 * mother: the same machine, restored from that state, that never runs. One that is paused, as a freeze that was killed
 * leaves it, goes on first.
 */
export async function freezeRunning(
  host: HostAccess,
  progress: Progress,
  source: ForkDefinition,
  folder: string,
): Promise<Freezing> {
  const { session } = host
  const files = sourceFiles(folder, source.name)
  const domain = await session.domain(progress, source.vm)
  const purpose = {
    object: source.vm,
    doing: `freeze machine ${source.vm}`,
    lane: 'slow',
    timeoutMs: saveTimeoutMs,
  } as const
  await resumeVm(session, progress, domain)
  await removeFiles(host, progress, files.prefix)
  const definition = await definitionXml(session, progress, domain)
  const disks = frozenDisks(parseXml(definition), files.disk)
  // Where libvirt chooses the firmware, only the machine that runs tells the file.
  const { xml: live } = await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)
  const variables = variablesOf(parseXml(live))
  await using revert = new Revert()
  revert.add('remove the incomplete source', () => removeFiles(host, lasting(progress), files.prefix))
  await using work = new Revert()
  work.add('clean up', () => closeWorkspace(host, lasting(progress), source.name))
  const memoryKib = Number(textAt(parseXml(live), 'memory') ?? 0)
  const room = { name: source.name, memoryKib, otherwise: folder }
  const workspace = await openWorkspace(host, progress, room)
  const { saved: save, state } = workFiles(workspace.folder, source.name)

  await session.call(progress, calls.domainSuspend, { domain }, purpose)
  try {
    await saveMemory(host, progress, domain, { file: save, disks, purpose })
    const pairs = disks.flatMap(({ path, copy }) => [path, copy])
    if (variables !== undefined) pairs.push(variables, files.variables)
    await copyFiles(host, progress, pairs, source.vm)
  } finally {
    await resumeVm(session, lasting(progress), domain)
  }

  const saved = await readHead(host, progress, save)
  const frozen = disks.map(({ device, copy, format }) => ({ device, path: copy, format }))
  const { memory, ends } = await writeStream(host, progress, {
    source,
    files: { ...files, saved: save, state },
    memory: workspace.memory,
    saved,
    disks: frozen,
    variables: variables === undefined ? undefined : files.variables,
  })
  const record: SourceRecord = {
    version: 1,
    name: source.name,
    project: source.project,
    vm: source.vm,
    snapshot: source.snapshot,
    createdAtMs: progress.seam.nowMs(),
    memory,
    variables: variables === undefined ? undefined : files.variables,
    disks: frozen,
    running: saved.xml,
    cookie: saved.cookie,
    definition,
  }
  await writeRecord(host, progress, files.record, [save, state], record)
  await refreshPool(session, progress, source.pool)
  revert.success()
  return { ends }
}

/** The writable disks, each with the name of its copy. */
function frozenDisks(domain: XmlElement, nameOf: (device: string, format: string) => string) {
  return childrenOf(find(domain, 'devices'), 'disk').flatMap((disk) => {
    const device = find(disk, 'target')?.attributes['dev']
    const path = find(disk, 'source')?.attributes['file']
    const isDisk = (disk.attributes['device'] ?? 'disk') === 'disk' && find(disk, 'readonly') === undefined
    if (device === undefined || path === undefined || !isDisk) return []
    const format = find(disk, 'driver')?.attributes['type'] ?? 'raw'
    return [{ device, path, format, copy: nameOf(device, format) }]
  })
}

async function saveMemory(
  { session }: HostAccess,
  progress: Progress,
  domain: Domain,
  to: {
    readonly file: string
    readonly disks: readonly { readonly device: string }[]
    readonly purpose: CallPurpose
  },
): Promise<void> {
  const definition = parseXml(await definitionXml(session, progress, domain))
  const devices = childrenOf(find(definition, 'devices'), 'disk').flatMap(
    (disk) => find(disk, 'target')?.attributes['dev'] ?? [],
  )
  const xml = writeXml(
    el(
      'domainsnapshot',
      {},
      el('name', {}, 'vmwright-fork'),
      el('memory', { snapshot: 'external', file: to.file }),
      el('disks', {}, ...devices.map((name) => el('disk', { name, snapshot: 'no' }))),
    ),
  )
  const args = { domain, xml, flags: withoutMetadata }
  await session.call(progress, calls.domainSnapshotCreateXml, args, to.purpose)
}

async function copyFiles(
  host: HostAccess,
  progress: Progress,
  pairs: readonly string[],
  vm: string,
): Promise<void> {
  const what = { doing: `copy the disks of machine ${vm}`, object: vm, kind: 'copyFrozen', mutates: true }
  const script = `while [ "$#" -gt 1 ]; do
  cp --sparse=always --reflink=auto -- "$1" "$2"
  shift 2
done`
  await onHost(host, progress, what, script, pairs)
}

/** What libvirt wrote before QEMU's stream. */
async function readHead(host: HostAccess, progress: Progress, path: string) {
  try {
    const header = await readPart(host, progress, path, 0, saveHeaderBytes)
    const dataBytes = saveDataBytes(header)
    const image = readSaveImage(await readPart(host, progress, path, 0, saveHeaderBytes + dataBytes))
    if (image.compression !== 0)
      throw new ProvisionError('fork.unsupported', {
        message: `Host ${host.shell.host} compresses what it saves of machines.`,
        hint: 'Set `snapshot_image_format = "raw"` in its qemu.conf, and start libvirt again.',
        details: { host: host.shell.host },
      })
    return { ...image, dataBytes }
  } catch (error) {
    if (error instanceof ProvisionError) throw error
    throw new ProvisionError('fork.failed', {
      message: `Could not use what libvirt saved of the machine in ${path} on host ${host.shell.host}: ${messageOf(error)}.`,
      details: { host: host.shell.host, path },
      cause: error,
    })
  }
}

async function writeRecord(
  host: HostAccess,
  progress: Progress,
  path: string,
  rest: readonly string[],
  record: SourceRecord,
): Promise<void> {
  const what = { doing: `write ${path}`, object: path, kind: 'writeSource', mutates: true }
  const script = 'path=$1; shift; cat > "$path-new"; rm -f -- "$@"; mv -- "$path-new" "$path"'
  const text = new TextEncoder().encode(JSON.stringify(record))
  await onHost(host, progress, what, script, [path, ...rest], text)
}

/** Of a source, complete or not. */
export async function removeFiles(host: HostAccess, progress: Progress, prefix: string): Promise<void> {
  const what = { doing: `remove ${prefix}`, object: prefix, kind: 'removeSource', mutates: true }
  await onHost(host, progress, what, 'rm -f -- "$1".json "$1"-* "$1".json-new', [prefix])
}
