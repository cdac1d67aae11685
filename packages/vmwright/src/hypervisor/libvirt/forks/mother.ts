import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { ProvisionError, messageOf } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import { Revert } from '../../../lib/revert.ts'
import { find, parseXml, writeXml } from '../../../lib/xml.ts'
import type { ForkDefinition, Freezing } from '../../forks.ts'
import type { HostAccess } from '../clone-disk.ts'
import { lasting } from '../lasting.ts'
import { asOther, interfacesOf, withSharedMemory } from './fork-xml.ts'
import { newMac, newUuid } from '../random.ts'
import { askQemu, memoryFileOf } from '../monitor.ts'
import { type SaveImage, saveDataBytes, saveHeaderBytes, writeSaveHeader } from './save-image.ts'
import { asPrivateStream } from './shared-stream.ts'
import { onHost, readPart, type sourceFiles, type SourceRecord, type workFiles } from './source-files.ts'

/** `VIR_DOMAIN_SAVE_PAUSED` */
const paused = 4
const timeoutMs = 600_000
/** More than the list of a machine's memory takes. */
const streamHeadBytes = 16 * 1024

interface Birth {
  readonly source: ForkDefinition
  readonly files: ReturnType<typeof sourceFiles> & ReturnType<typeof workFiles>
  /** What hers is made of. */
  readonly memory: 'memfd' | 'file'
  readonly saved: SaveImage & { readonly dataBytes: number }
  readonly disks: SourceRecord['disks']
  readonly variables: string | undefined
}

/**
 * Writes the source's memory as a file, and its devices as the stream that forks begin with. Both come from a mother:
 * restored from the saved state with its memory in a shared file, its cables unplugged, and saved again without that
 * memory. She never runs. Her end takes libvirt longer than all that; it is not waited for.
 */
export async function writeStream(
  host: HostAccess,
  progress: Progress,
  birth: Birth,
): Promise<{ readonly memory: SourceRecord['memory'] } & Freezing> {
  const { session } = host
  const { files, source } = birth
  const name = `${source.name}.mother`
  const purpose = { object: name, doing: `make ${name}`, lane: 'slow', timeoutMs } as const
  await removeMother(host, progress, name)
  await using revert = new Revert()
  revert.add('remove the mother', () => removeMother(host, lasting(progress), name))

  await replaceHeader(host, progress, birth, name)
  const restore = { from: files.saved, dxml: undefined, flags: paused }
  await session.call(progress, calls.domainRestoreFlags, restore, purpose)
  const mother = await session.domain(progress, name)
  await unplug(host, progress, mother)
  const memory = await memoryFileOf(session, progress, mother)
  const capabilities = [{ capability: 'x-ignore-shared', state: true }]
  await askQemu(session, progress, mother, 'migrate-set-capabilities', { capabilities })
  await copyMemory(host, progress, name, memory.path, files.memory)
  const save = { domain: mother, to: files.state, dxml: undefined, flags: paused }
  const ending = new AbortController()
  const saved = session.call(progress, calls.domainSaveFlags, save, purpose)
  const ends = saved.then(
    () => undefined,
    () => removeMother(host, lasting(progress), name).catch(() => undefined),
  )
  await Promise.race([
    untilSaved(host, progress.child({ signal: ending.signal }), files.state),
    saved,
  ]).finally(() => ending.abort())
  const made = await makePrivate(host, progress, files, memory.block)
  revert.success()
  return { memory: made, ends }
}

/** libvirt writes the first bytes of a saved machine again when all the others are there. */
async function untilSaved(host: HostAccess, progress: Progress, path: string): Promise<void> {
  await progress.poll({ everyMs: 20, what: `${path} to be complete` }, async () => {
    const head = await readPart(host, progress, path, 0, saveHeaderBytes).catch(() => progress.check())
    try {
      return head && saveDataBytes(head)
    } catch {
      return undefined
    }
  })
}

/** The same state, of a machine of another name that has frozen files. */
async function replaceHeader(
  host: HostAccess,
  progress: Progress,
  { files, memory, saved, disks, variables }: Birth,
  name: string,
): Promise<void> {
  const domain = parseXml(saved.xml)
  const macs = interfacesOf(domain).map(() => newMac(progress.seam))
  const frozen = new Map(disks.map(({ device, path, format }) => [device, { path, format }]))
  const mother = asOther(domain, {
    name,
    id: newUuid(progress.seam),
    macs,
    disks: frozen,
    variables,
    mark: undefined,
  })
  const xml = writeXml(withSharedMemory(mother, memory))
  const header = writeSaveHeader({ xml, cookie: saved.cookie }, saved.dataBytes)
  const what = { doing: `rewrite ${files.saved}`, object: files.saved, kind: 'rewriteSaved', mutates: true }
  await onHost(host, progress, what, 'dd of="$1" conv=notrunc status=none', [files.saved], header)
}

/** QEMU keeps the state of the cable with that of the card. */
async function unplug({ session }: HostAccess, progress: Progress, mother: Domain): Promise<void> {
  const purpose = { object: mother.name, doing: `read machine ${mother.name}` }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, { domain: mother }, purpose)
  for (const nic of interfacesOf(parseXml(xml))) {
    const name = find(nic, 'alias')?.attributes['name']
    await askQemu(session, progress, mother, 'set_link', { name, up: false })
  }
}

/**
 * Pages of zeros take no room. Owned as the file that QEMU made itself, so that the forks' QEMUs reach it. A memfd has no
 * name but among the open files of its process.
 */
async function copyMemory(
  host: HostAccess,
  progress: Progress,
  mother: string,
  from: string | undefined,
  to: string,
): Promise<void> {
  const what = { doing: `copy the memory to ${to}`, object: to, kind: 'copyMemory', mutates: true }
  const script = `from=$3
if [ -z "$from" ]; then
  for process in $(grep -lszF "guest=$1," /proc/[0-9]*/cmdline); do
    for file in "\${process%/cmdline}"/fd/*; do
      case $(readlink -- "$file") in /memfd:memory-backend-memfd*) from=$file ;; esac
    done
  done
fi
cp --sparse=always --reflink=auto -- "$from" "$2"
chown --reference="$from" -- "$2"`
  await onHost(host, progress, what, script, [mother, to, from ?? ''])
}

async function makePrivate(
  host: HostAccess,
  progress: Progress,
  files: Birth['files'],
  block: string,
): Promise<SourceRecord['memory']> {
  const at = saveHeaderBytes + saveDataBytes(await readPart(host, progress, files.state, 0, saveHeaderBytes))
  const bytes = await readPart(host, progress, files.state, at, streamHeadBytes)
  const to = `${block.startsWith('v') ? 'w' : 'v'}${block.slice(1)}`
  try {
    const { head, consumed, sizeBytes } = asPrivateStream(bytes, { from: block, to })
    const what = { doing: `write ${files.stream}`, object: files.stream, kind: 'writeStream', mutates: true }
    const script = '{ cat; tail -c "+$3" -- "$1"; } > "$2"'
    const words = [files.state, files.stream, String(at + consumed + 1)]
    await onHost(host, progress, what, script, words, head)
    return { block: to, sizeBytes }
  } catch (error) {
    if (error instanceof ProvisionError) throw error
    throw new ProvisionError('fork.unsupported', {
      message: `The QEMU of host ${host.shell.host} saves machines in a way that is not known: ${messageOf(error)}.`,
      details: { host: host.shell.host },
      cause: error,
    })
  }
}

/** She exists only while she runs, as it were. */
async function removeMother({ session }: HostAccess, progress: Progress, name: string): Promise<void> {
  const domain = await session.findDomain(progress, name)
  if (domain === undefined) return
  const absent = [errorCode.noDomain, errorCode.operationInvalid]
  const purpose = { object: name, doing: `remove ${name}`, lane: 'slow', timeoutMs, absent } as const
  await session.callUnless(progress, calls.domainDestroyFlags, { domain }, purpose)
}
