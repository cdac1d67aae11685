import { calls, type Domain } from '@vmwright/libvirt'
import { dirname } from 'node:path'
import { ProvisionError, messageOf } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import { Revert } from '../../../lib/revert.ts'
import { find, parseXml, writeXml } from '../../../lib/xml.ts'
import type { ForkedVm } from '../../forks.ts'
import { cloneDisk, type HostAccess } from '../clone-disk.ts'
import { undefineVm } from '../machines.ts'
import { stopVm } from '../power.ts'
import { deleteVolume, volumePath } from '../volumes.ts'
import { asOther, interfacesOf, variablesOf, withLink, withPrivateMemory } from './fork-xml.ts'
import { lasting } from '../lasting.ts'
import { writeSaveHeader } from './save-image.ts'
import { forkState, onHost, sourceFiles, type SourceRecord } from './source-files.ts'

/** `VIR_DOMAIN_SAVE_RUNNING` */
const running = 2
/** `VIR_DOMAIN_AFFECT_LIVE` */
const live = 1
const startTimeoutMs = 300_000

/**
 * Starts the machine from the source's state, and defines it as an ordinary one: what makes its memory a copy on write
 * is in no definition, and gone with its first stop.
 */
export async function startFork(
  host: HostAccess,
  progress: Progress,
  fork: ForkedVm,
  { record, folder }: { readonly record: SourceRecord; readonly folder: string },
): Promise<void> {
  const { session } = host
  if ((await session.findDomain(progress, fork.name)) !== undefined)
    throw new ProvisionError('vm.exists', {
      message: `Could not fork machine ${fork.name} on host ${session.host}: there is one of that name.`,
      details: { host: session.host, vm: fork.name },
    })
  const state = forkState(folder, fork.name)
  await using revert = new Revert()
  revert.add('remove the files', () => removeState(host, lasting(progress), state))
  const { running: frozen, definition } = await makeFiles(host, progress, fork, record, revert)
  const memory = { ...record.memory, path: sourceFiles(folder, record.name).memory }
  const header = writeSaveHeader({ xml: writeXml(withPrivateMemory(frozen, memory)), cookie: record.cookie })
  const what = { doing: `write ${state}`, object: state, kind: 'writeForkState', mutates: true }
  const stream = sourceFiles(folder, record.name).stream
  await onHost(host, progress, what, '{ cat; cat -- "$1"; } > "$2"', [stream, state], header)

  revert.add('remove the machine', async () => {
    await stopVm(session, lasting(progress), fork.name, 'force')
    await undefineVm(session, lasting(progress), fork.name)
  })
  const purpose = {
    object: fork.name,
    doing: `start machine ${fork.name} from ${record.name}`,
    lane: 'slow',
    timeoutMs: startTimeoutMs,
  } as const
  const restore = { from: state, dxml: undefined, flags: running }
  try {
    await session.call(progress, calls.domainRestoreFlags, restore, purpose)
  } catch (error) {
    progress.check()
    throw new ProvisionError('fork.failed', {
      message: messageOf(error),
      hint: `Where AppArmor or SELinux confines guests, they have to be allowed to read and write ${memory.path}.`,
      details: { host: session.host, vm: fork.name, source: record.name, memory: memory.path },
      cause: error,
    })
  }
  await session.call(progress, calls.domainDefineXmlFlags, { xml: writeXml(definition) }, purpose)
  await removeState(host, progress, state)
  revert.success()
}

/** Overlays over the frozen disks, a copy of the firmware's variables, and the domains that have them. */
async function makeFiles(
  host: HostAccess,
  progress: Progress,
  fork: ForkedVm,
  record: SourceRecord,
  revert: Revert,
) {
  const { session } = host
  const disks = new Map<string, { readonly path: string; readonly format: string }>()
  for (const volume of fork.mark.volumes) {
    const path = await volumePath(session, progress, volume)
    if (volume.role === 'seed') {
      disks.set(volume.device, { path, format: 'raw' })
      continue
    }
    const from = record.disks.find(({ device }) => device === volume.device)
    if (from === undefined) throw noDisk(host, fork, volume)
    revert.add('remove a disk', () => deleteVolume(session, lasting(progress), volume))
    const overlay = {
      mode: 'overlay',
      sizeBytes: undefined,
      workspace: undefined,
      existing: 'replace',
    } as const
    const base = { path: from.path, format: from.format === 'raw' ? 'raw' : 'qcow2' } as const
    await cloneDisk(host, progress, { pool: volume.pool, name: volume.name, from: base, ...overlay })
    disks.set(volume.device, { path, format: 'qcow2' })
  }
  const definition = parseXml(record.definition)
  const place = variablesOf(parseXml(record.running))
  const variables = place === undefined ? undefined : `${dirname(place)}/${fork.name}_VARS.fd`
  if (variables !== undefined && record.variables !== undefined) {
    const what = { doing: `write ${variables}`, object: variables, kind: 'copyVariables', mutates: true }
    const script = 'cp -- "$1" "$2"; chown --reference="$1" -- "$2"'
    await onHost(host, progress, what, script, [record.variables, variables])
    revert.add('remove the variables', () => removeState(host, lasting(progress), variables))
  }
  const { name, id, macs } = fork
  const other = { name, id, macs, disks, variables, mark: { mark: fork.mark, source: record.name } }
  return { running: asOther(parseXml(record.running), other), definition: asOther(definition, other) }
}

const noDisk = (
  { shell }: HostAccess,
  { name, source }: ForkedVm,
  { device }: { readonly device: string },
): ProvisionError =>
  new ProvisionError('fork.failed', {
    message: `Could not fork machine ${name} on host ${shell.host}: ${source} has no disk ${device}.`,
    details: { host: shell.host, vm: name, source, device },
  })

async function removeState(host: HostAccess, progress: Progress, path: string): Promise<void> {
  const what = { doing: `remove ${path}`, object: path, kind: 'removeForkState', mutates: true }
  await onHost(host, progress, what, 'rm -f -- "$1"', [path])
}

/**
 * Plugs the cables in, of all cards of the machine that runs. A bridge with a spanning tree, as that of libvirt's default
 * network, holds a new port back for four seconds; a guest that asks for an address meanwhile is not heard, and waits as
 * long again until it asks once more.
 */
export async function connectFork(host: HostAccess, progress: Progress, vm: string): Promise<void> {
  const { session } = host
  const domain: Domain = await session.domain(progress, vm)
  const purpose = { object: vm, doing: `plug the network cable of machine ${vm} in` }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)
  const nics = interfacesOf(parseXml(xml))
  const ports = nics.flatMap((nic) => find(nic, 'target')?.attributes['dev'] ?? [])
  const what = { doing: `look at the ports of ${vm}`, object: vm, kind: 'awaitPorts', mutates: false }
  await onHost(host, progress, what, untilForwarding, ports)
  for (const nic of nics) {
    const args = { domain, xml: writeXml(withLink(nic, 'up')), flags: live }
    await session.call(progress, calls.domainUpdateDeviceFlags, args, purpose)
  }
}

/** 1 and 2: listening and learning (`BR_STATE_*` of linux/if_bridge.h). */
const untilForwarding = `for port; do
  left=60
  while [ "$left" -gt 0 ] && read -r state <"/sys/class/net/$port/brport/state"; do
    case $state in 1 | 2) sleep 0.1 ;; *) break ;; esac
    left=$((left - 1))
  done 2>/dev/null
done`
