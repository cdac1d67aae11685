import { calls, errorCode } from '@vmwright/libvirt'
import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import { parseXml } from '../../../lib/xml.ts'
import type { ForkDefinition, ForkSource, Freezing, HostForks } from '../../forks.ts'
import type { HostAccess } from '../clone-disk.ts'
import { mapParallel } from '../session.ts'
import { refreshPool } from '../volumes.ts'
import { connectFork, startFork } from './fork.ts'
import { freeAddresses } from './addresses.ts'
import { freezeAt } from './freeze-at.ts'
import { removeFiles } from './freeze.ts'
import { sourceOf } from './fork-xml.ts'
import { forkObstacle } from './obstacles.ts'
import { readRecords, sourceFiles, type SourceRecord } from './source-files.ts'

/** X9 on libvirt: see docs/forks.md for how. */
export const hostForks = (host: HostAccess): HostForks => ({
  whyNot: (progress, vm) => whyNot(host, progress, vm),
  freeze: (progress, source) => freeze(host, progress, source),
  sources: (progress) => sources(host, progress),
  freeAddresses: (progress, vm, cards) => freeAddresses(host, progress, vm, cards),
  async fork(progress, fork) {
    await startFork(host, progress, fork, await findSource(host, progress, fork.source))
  },
  connect: (progress, vm) => connectFork(host, progress, vm),
  removeSource: (progress, name) => removeSource(host, progress, name),
})

async function whyNot(host: HostAccess, progress: Progress, vm: string): Promise<string | undefined> {
  const { session, noShell } = host
  if (noShell !== undefined) return `host ${session.host} gives no shell: ${noShell}`
  const domain = await session.domain(progress, vm)
  if (domain.id < 0) return `machine ${vm} does not run`
  const purpose = { object: vm, doing: `read machine ${vm}` }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)
  return forkObstacle(parseXml(xml))
}

async function freeze(host: HostAccess, progress: Progress, source: ForkDefinition): Promise<Freezing> {
  const folder = await folderOf(host, progress, source.pool)
  const known = await readRecords(host, progress, folder)
  if (known.some(({ record }) => record.name === source.name)) return { ends: Promise.resolve() }
  const because = await whyNot(host, progress, source.vm)
  if (because !== undefined)
    throw new ProvisionError('fork.unsupported', {
      message: `Machine ${source.vm} on host ${host.session.host} cannot be forked: ${because}.`,
      details: { host: host.session.host, vm: source.vm, because },
    })
  return await freezeAt(host, progress, source, folder)
}

async function folderOf({ session }: HostAccess, progress: Progress, pool: string): Promise<string> {
  const { path } = await session.pool(progress, pool)
  if (path !== undefined) return path
  throw new ProvisionError('fork.unsupported', {
    message: `Pool ${pool} on host ${session.host} has no folder for the memory of forks.`,
    details: { host: session.host, pool },
  })
}

interface FoundSource {
  readonly record: SourceRecord
  readonly sizeBytes: number
  readonly folder: string
  readonly pool: string
}

/** In all pools that are folders. */
async function findSources(host: HostAccess, progress: Progress): Promise<readonly FoundSource[]> {
  const { session, noShell } = host
  if (noShell !== undefined) return []
  const purpose = { object: session.host, doing: 'list the pools' }
  const activeOnly = 2
  const args = { needResults: 1, flags: activeOnly }
  const { pools } = await session.call(progress, calls.connectListAllStoragePools, args, purpose)
  const found = await mapParallel(pools, async ({ name: pool }) => {
    const { path: folder } = await session.pool(progress, pool)
    if (folder === undefined || folder.startsWith('/dev')) return []
    return (await readRecords(host, progress, folder)).map((each) => ({ ...each, folder, pool }))
  })
  return found.flat()
}

async function findSource(host: HostAccess, progress: Progress, name: string): Promise<FoundSource> {
  const found = (await findSources(host, progress)).find(({ record }) => record.name === name)
  if (found !== undefined) return found
  throw new ProvisionError('fork.failed', {
    message: `There is no source ${name} of forks on host ${host.session.host}.`,
    details: { host: host.session.host, source: name },
  })
}

async function sources(host: HostAccess, progress: Progress): Promise<readonly ForkSource[]> {
  const found = await findSources(host, progress)
  if (found.length === 0) return []
  const dependents = await dependentsOf(host, progress)
  return found.map(({ record, sizeBytes }) => ({
    name: record.name,
    project: record.project,
    vm: record.vm,
    snapshot: record.snapshot,
    createdAtMs: record.createdAtMs,
    sizeBytes,
    dependents: dependents
      .filter(({ source }) => source === record.name)
      .map(({ vm }) => vm)
      .toSorted(),
  }))
}

/** Machines by the source in their metadata. One that has gone meanwhile rests on nothing. */
async function dependentsOf({ session }: HostAccess, progress: Progress) {
  const purpose = { object: session.host, doing: 'list the machines' }
  const { domains } = await session.call(progress, calls.connectListAllDomains, { needResults: 1 }, purpose)
  const found = await mapParallel(domains, async (domain) => {
    const reading = {
      object: domain.name,
      doing: `read machine ${domain.name}`,
      absent: [errorCode.noDomain],
    }
    const xml = await session.callUnless(progress, calls.domainGetXmlDesc, { domain }, reading)
    const source = xml && sourceOf(parseXml(xml.xml))
    return source === undefined ? [] : [{ vm: domain.name, source }]
  })
  return found.flat()
}

async function removeSource(host: HostAccess, progress: Progress, name: string): Promise<void> {
  const found = (await sources(host, progress)).find((source) => source.name === name)
  if (found === undefined) return
  if (found.dependents.length > 0)
    throw new ProvisionError('disk.in-use', {
      message: `Could not remove source ${name} on host ${host.session.host}: ${found.dependents.join(', ')} ${found.dependents.length === 1 ? 'rests' : 'rest'} on it.`,
      details: { host: host.session.host, source: name, dependents: found.dependents },
    })
  const { folder, pool } = await findSource(host, progress, name)
  await removeFiles(host, progress, sourceFiles(folder, name).prefix)
  await refreshPool(host.session, progress, pool)
}
